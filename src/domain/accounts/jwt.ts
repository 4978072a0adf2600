/** JSON Web Tokens as the older service made them: token_type, user_id, jti, exp, iat; HS256. */
import { createRequire } from 'node:module';
import type JsonWebToken from 'jsonwebtoken';
import { AppError } from '../../base/errors.ts';
import type { AccessSettings } from './keys.ts';

// CommonJS, and only wanted where tokens are: a command that needs none does not load it.
const jwt = createRequire(import.meta.url)('jsonwebtoken') as typeof JsonWebToken;

export type TokenType = 'access' | 'refresh';

export interface Claims {
  token_type: TokenType;
  user_id: number;
  jti: string;
  /** Unix seconds. */
  exp: number;
  iat: number;
}

export function sign(settings: AccessSettings, claims: Claims): string {
  return jwt.sign(claims, settings.key, { algorithm: 'HS256' });
}

/** The claims of a valid token of that type at that time. Throws a 401. */
export function verify(settings: AccessSettings, token: string, type: TokenType, now: Date): Claims {
  const refused = new AppError(
    'unauthenticated',
    401,
    type === 'access' ? 'Given token not valid for any token type' : 'Token is invalid or expired',
  );
  let claims: Claims;
  try {
    const clockTimestamp = Math.floor(now.getTime() / 1000);
    claims = jwt.verify(token, settings.key, { algorithms: ['HS256'], clockTimestamp }) as unknown as Claims;
  } catch {
    throw refused;
  }
  const { token_type, user_id, jti, exp } = claims;
  const complete = Number.isSafeInteger(user_id) && typeof jti === 'string' && typeof exp === 'number';
  if (token_type !== type || !complete) throw refused;
  return claims;
}
