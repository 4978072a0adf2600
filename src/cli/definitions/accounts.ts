/** Commands for tenants, users and API tokens. */
import { roleNames } from '../../resource/roles.ts';
import type { Definition, Flag } from '../command.ts';

const tenant: Flag = { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant' };
const inTenant: Flag = { ...tenant, required: true };
const role: Flag = { spec: '--role <role>', about: 'what may be done', choices: roleNames };
const passwordStdin: Flag = { spec: '--password-stdin', about: 'read the password from standard input' };

export const tenantAdd: Definition = {
  usage: 'tenant add <name>',
  about: 'Create a tenant',
  flags: [{ spec: '--slug <slug>', about: 'short name for addresses and scripts (default: made from the name)' }],
  examples: ['assetra tenant add "Plant 1"', 'assetra tenant add "Plant 1" --slug plant-1 --json'],
};

export const tenantList: Definition = {
  usage: 'tenant list',
  about: 'List the tenants',
  examples: ['assetra tenant list'],
};

export const tenantDisable: Definition = {
  usage: 'tenant disable <tenant>',
  about: 'Shut a tenant: its users and tokens are refused, its data stays',
  args: { tenant: 'id, slug or name' },
  examples: ['assetra tenant disable plant-1'],
};

export const userAdd: Definition = {
  usage: 'user add <username>',
  about: 'Create a user, or make an existing one a member of a tenant',
  flags: [
    tenant,
    role,
    { spec: '--superuser', about: 'may do everything in every tenant; needs no --tenant and no --role' },
    passwordStdin,
  ],
  examples: [
    'assetra user add bob --tenant plant-1 --role operator',
    'assetra user add bob --tenant plant-1 --role operator --password-stdin --json < password.txt',
  ],
};

export const userList: Definition = {
  usage: 'user list',
  about: 'List the users with their tenants and roles',
  flags: [tenant],
  examples: ['assetra user list --tenant plant-1'],
};

export const userPasswd: Definition = {
  usage: 'user passwd <username>',
  about: "Set a user's password and end the sessions that the old one opened",
  flags: [passwordStdin],
  examples: ['assetra user passwd bob', 'assetra user passwd bob --password-stdin < password.txt'],
};

export const userRole: Definition = {
  usage: 'user role <username>',
  about: "Change a user's role in a tenant",
  flags: [inTenant, { ...role, required: true }],
  examples: ['assetra user role bob --tenant plant-1 --role auditor'],
};

export const userDisable: Definition = {
  usage: 'user disable <username>',
  about: 'Shut a user out; what the user did stays in the history',
  examples: ['assetra user disable bob'],
};

export const tokenAdd: Definition = {
  usage: 'token add <name>',
  about: 'Create an API token for a kiosk, a device host or a program; its secret is shown once',
  flags: [inTenant, { ...role, required: true }],
  examples: ['assetra token add "Dock 3 kiosk" --tenant plant-1 --role operator --json'],
};

export const tokenList: Definition = {
  usage: 'token list',
  about: 'List API tokens and when each was last used',
  flags: [tenant],
  examples: ['assetra token list --tenant plant-1'],
};

export const tokenRevoke: Definition = {
  usage: 'token revoke <token>',
  about: 'Revoke an API token at once',
  args: { token: 'id or name' },
  flags: [tenant],
  examples: ['assetra token revoke "Dock 3 kiosk" --tenant plant-1'],
};
