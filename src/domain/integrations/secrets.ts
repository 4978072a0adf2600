/**
 * Secrets in a config: told by the names of their keys, or by a password within a URL. In the stored config a mask stands in
 * the place of each; what they are is sealed beside it. A mask that is sent back means the secret that it stands for,
 * wherever in the config it has gone.
 */
import { type FieldErrors, Invalid } from '../../base/errors.ts';
import { newCode } from '../../base/ids.ts';

type Config = Record<string, unknown>;
/** Mask -> secret. */
export type Secrets = Record<string, unknown>;

const dots = '••••';
const isMask = (value: unknown): value is string => typeof value === 'string' && /^••••[0-9A-Z]{8}$/.test(value);

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const secretWords = words(
  'password passwords passwd passphrase passcode pass pwd secret secrets token tokens credential credentials auth ' +
    'authorization bearer cookie dsn apikey',
);
/** Before `key` they make it a secret one. */
const keyKinds = words('api access private account client signing shared encryption subscription license');
/** What tells of a secret and is none: `token_url`, `auth_type`, `private_key_id`. */
const plainEnds = words(
  'url uri endpoint type name field header id lifetime expiry expires expiration ttl method scope',
);

/** `clientSecret`, `client-secret` and `CLIENT_SECRET` are client, secret. */
const wordsOf = (key: string): string[] =>
  key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');

/** Whether what lies under this key is a secret: `db_password`, `apiKey`, `connectionString`; not `token_url`. */
export function isSecretKey(key: string): boolean {
  const parts = wordsOf(key);
  const follows = (first: string, second: string) =>
    parts.some((part, at) => part === first && parts[at + 1] === second);
  if (follows('secret', 'id') || (parts.includes('connection') && /^(string|url|uri)$/.test(parts.at(-1)!)))
    return true;
  if (parts.length === 0 || plainEnds.has(parts.at(-1)!)) return false;
  return parts.some((part, at) => secretWords.has(part) || (part === 'key' && keyKinds.has(parts[at - 1] ?? '')));
}

/** `postgres://user:password@host/db`. */
const hasPassword = (value: unknown): boolean =>
  typeof value === 'string' && /^[a-z][a-z0-9+.-]*:\/\/[^/\s@]*:[^/\s]+@/i.test(value.trim());

const isValue = (value: unknown): boolean => typeof value === 'number' || (typeof value === 'string' && value !== '');

/** The config with masks, and what they stand for. Invalid where a mask stands for none of the known secrets. */
export function mask(config: Config, known: Secrets): { config: Config; secrets: Secrets } {
  const secrets: Secrets = {};
  const unknown: string[][] = [];
  const visit = (value: unknown, path: string[], secret: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, String(index)], secret));
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key], secret || isSecretKey(key))]),
      );
    if (isMask(value)) {
      if (Object.hasOwn(known, value)) secrets[value] = known[value];
      else unknown.push(path);
      return value;
    }
    if (!(secret && isValue(value)) && !hasPassword(value)) return value;
    const stands = dots + newCode();
    secrets[stands] = value;
    return stands;
  };
  const masked = visit(config, [], false) as Config;
  if (unknown.length > 0) throw new Invalid({ config: unknown.reduce(withFault, {}) });
  return { config: masked, secrets };
}

function withFault(faults: FieldErrors, path: string[]): FieldErrors {
  let place = faults;
  for (const key of path.slice(0, -1)) {
    if (!Object.hasOwn(place, key)) place[key] = {};
    place = place[key] as FieldErrors;
  }
  place[path.at(-1)!] = ['This stands for a secret that is not kept here. Send the secret itself.'];
  return faults;
}

/** The config with its secrets in the clear. */
export function unmask(config: Config, secrets: Secrets): Config {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item)]));
    return isMask(value) && Object.hasOwn(secrets, value) ? secrets[value] : value;
  };
  return visit(config) as Config;
}
