import { ConfigError } from '../../base/errors.ts';

/** The id of an endpoint as it was typed. */
export function endpointOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new ConfigError(`"${text}" is no id of an endpoint. Give a number, such as 3.`);
  return Number(text);
}
