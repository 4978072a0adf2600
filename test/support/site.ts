/** Two tenants with a user for each role: the least site that can show who sees what. */
import type { DatabaseConfig } from '../../src/base/config.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Actor, Role, Tenant, TenantContext } from '../../src/db/context.ts';
import type { Database } from '../../src/db/database.ts';
import type { Dialect } from '../../src/db/dialect.ts';
import { temporaryDatabase } from './databases.ts';

export interface TestSite {
  database: Database;
  /** For a second handle, as another process has one. */
  databaseConfig: DatabaseConfig;
  /** Tenants `plant` and `other`. */
  plant: Tenant;
  other: Tenant;
  /** A context in `plant` (or another tenant) as a user with that role. */
  as(role: Role, tenant?: Tenant): TenantContext;
  /** The id of the user with that role in that tenant. */
  userId(role: Role, tenant?: Tenant): number;
  close(): Promise<void>;
}

const roles: Role[] = ['admin', 'operator', 'auditor', 'read_only'];

/** A fresh migrated database with both tenants; a fixed password hash that fits no password. */
export async function testSite(dialect: Dialect): Promise<TestSite> {
  const { database, config: databaseConfig, drop } = await temporaryDatabase(dialect);
  const users = new Map<string, number>();
  const tenantOf = async (slug: string): Promise<Tenant> => {
    const name = `Tenant ${slug}`;
    const id = await database.insert('tenants', { name, slug, is_active: true, settings: '{}', ...stamps });
    for (const role of roles) users.set(`${id}/${role}`, await member(database, id, slug, role));
    return { id, name, slug, settings: {} };
  };
  const plant = await tenantOf('plant');
  const other = await tenantOf('other');
  const userId = (role: Role, tenant = plant) => users.get(`${tenant.id}/${role}`)!;
  const as = (role: Role, tenant = plant): TenantContext => {
    const actor: Actor = {
      kind: 'user',
      id: userId(role, tenant),
      label: `${tenant.slug}-${role}`,
      role,
      superuser: false,
    };
    return { db: database, tenant, actor, now: () => new Date(), log: silentLog };
  };
  return { database, databaseConfig, plant, other, as, userId, close: drop };
}

const stamps = { created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' };

async function member(database: Database, tenantId: number, slug: string, role: Role): Promise<number> {
  const user = {
    username: `${slug}-${role}`,
    full_name: '',
    email: '',
    password_hash: 'none',
    is_active: true,
    is_superuser: false,
    last_login_at: null,
    ...stamps,
  };
  const id = await database.insert('users', user);
  const membership = { tenant_id: tenantId, user_id: id, role, badge_code: null, is_active: true, ...stamps };
  await database.insert('memberships', membership);
  return id;
}
