/** Who may do what: SPEC's role table as data. The role is asked by action, not by HTTP method. */
import type { Actor, Role } from '../db/context.ts';

/**
 * `printers`: an address is a way out of the server, so operators print and do not set up. `exports`: whoever may see a list
 * may take it along, and nothing else changes by it.
 */
export type Area = 'assets' | 'workflows' | 'webhooks' | 'accounts' | 'printers' | 'exports' | 'other';
export type Action = 'view' | 'create' | 'change' | 'delete' | 'execute' | 'verify';

const everything: Action[] = ['view', 'create', 'change', 'delete', 'execute', 'verify'];
/** One's own. */
const ownExports: Action[] = ['view', 'create', 'change', 'delete'];

export const roles: Record<Role, Record<Area, Action[]>> = {
  admin: {
    assets: everything,
    workflows: everything,
    webhooks: everything,
    accounts: everything,
    printers: everything,
    exports: everything,
    other: everything,
  },
  operator: {
    assets: ['view', 'create', 'change', 'delete', 'execute'],
    workflows: ['view', 'execute'],
    webhooks: ['view', 'create'],
    accounts: [],
    printers: ['view', 'execute'],
    exports: ownExports,
    other: ['view', 'create', 'change'],
  },
  auditor: {
    assets: ['view', 'verify'],
    workflows: ['view'],
    webhooks: ['view'],
    accounts: [],
    printers: ['view'],
    exports: ownExports,
    other: ['view'],
  },
  read_only: {
    assets: ['view'],
    workflows: ['view'],
    webhooks: ['view'],
    accounts: [],
    printers: ['view'],
    exports: ownExports,
    other: ['view'],
  },
};

export const roleNames = Object.keys(roles) as [Role, ...Role[]];

/** Whether the actor may, in the tenant of its role. A superuser and the system may everything. */
export function may(actor: Actor, area: Area, action: Action): boolean {
  if (actor.superuser) return true;
  return actor.role !== null && roles[actor.role][area].includes(action);
}

/** SPEC's `can_write`: whether the role writes at all. */
export const canWrite = (actor: Actor): boolean => may(actor, 'assets', 'create');
