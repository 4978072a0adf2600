import type { Knex } from 'knex';
import { createTable, identity, instant, json, reference, stamps, tenant } from './columns.ts';

export async function up(knex: Knex): Promise<void> {
  await createTable(knex, 'tenants', (table) => {
    identity(table);
    table.string('name', 200).notNullable().unique();
    table.string('slug', 80).notNullable().unique();
    table.boolean('is_active').notNullable();
    json(table, 'settings');
  });
  await createTable(knex, 'users', (table) => {
    identity(table);
    table.string('username', 150).notNullable().unique();
    table.string('full_name', 200).notNullable();
    table.string('email', 254).notNullable();
    table.string('password_hash', 255).notNullable();
    table.boolean('is_active').notNullable();
    table.boolean('is_superuser').notNullable();
    instant(table, 'last_login_at');
  });
  await createTable(knex, 'memberships', (table) => {
    identity(table);
    tenant(table);
    reference(table, 'user_id', 'users').notNullable();
    table.string('role', 20).notNullable();
    table.string('badge_code', 80);
    table.boolean('is_active').notNullable();
    table.unique(['tenant_id', 'user_id'], { indexName: 'memberships_user_unique' });
    table.unique(['tenant_id', 'badge_code'], { indexName: 'memberships_badge_code_unique' });
    table.index(['user_id']);
  });
  // A membership with the person behind it, so that it is listed, searched and filtered like any other resource.
  await knex.schema.raw(
    'CREATE VIEW members AS SELECT m.id, m.tenant_id, m.user_id, u.username, u.full_name, u.email, m.role, ' +
      'm.badge_code, m.is_active, u.last_login_at, m.created_at, m.updated_at ' +
      'FROM memberships m JOIN users u ON u.id = m.user_id',
  );
  await createTable(knex, 'api_tokens', (table) => {
    identity(table);
    tenant(table);
    table.string('name', 120).notNullable();
    table.string('role', 20).notNullable();
    table.string('prefix', 16).notNullable();
    table.string('token_hash', 64).notNullable().unique();
    reference(table, 'created_by_id', 'users');
    instant(table, 'expires_at');
    instant(table, 'last_used_at');
    instant(table, 'revoked_at');
    table.unique(['tenant_id', 'name'], { indexName: 'api_tokens_name_unique' });
  });
  await sessionTables(knex);
}

async function sessionTables(knex: Knex): Promise<void> {
  await createTable(knex, 'refresh_tokens', (table) => {
    table.string('jti', 36).primary();
    table.string('family', 36).notNullable().index();
    table.string('parent', 36);
    reference(table, 'user_id', 'users').notNullable();
    instant(table, 'expires_at').notNullable().index();
    instant(table, 'used_at');
    instant(table, 'revoked_at');
    stamps(table);
  });
  await createTable(knex, 'login_attempts', (table) => {
    table.string('subject', 255).primary();
    table.integer('failures').notNullable();
    instant(table, 'window_started_at').notNullable();
    instant(table, 'locked_until');
    instant(table, 'updated_at').notNullable().index();
  });
  // One row: whatever changes what someone may do raises it, so a cache of permissions knows it is stale.
  await createTable(knex, 'auth_version', (table) => {
    table.bigInteger('id').primary();
    table.bigInteger('version').notNullable();
  });
  await knex('auth_version').insert({ id: 1, version: 1 });
  await createTable(knex, 'idempotency_keys', (table) => {
    identity(table);
    tenant(table);
    table.string('actor', 40).notNullable();
    table.string('idempotency_key', 255).notNullable();
    table.string('fingerprint', 64).notNullable();
    table.integer('status');
    table.text('body', 'longtext');
    table.unique(['tenant_id', 'actor', 'idempotency_key'], { indexName: 'idempotency_keys_key_unique' });
    table.index(['created_at']);
  });
  await createTable(knex, 'site_urls', (table) => {
    table.string('url', 255).primary();
    instant(table, 'created_at').notNullable();
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.raw('DROP VIEW members');
  const tables = ['site_urls', 'idempotency_keys', 'auth_version', 'login_attempts', 'refresh_tokens'];
  for (const table of [...tables, 'api_tokens', 'memberships', 'users', 'tenants']) await knex.schema.dropTable(table);
}
