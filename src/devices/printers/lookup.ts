/** Names of printers become addresses; one that no printer has, such as that of a cloud's metadata, is refused. */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isForbidden } from '../../base/address-policy.ts';

export const lookup: LookupFunction = (host, options, told) =>
  systemLookup(host, options, (error, found: string | LookupAddress[], family) => {
    const addresses = typeof found === 'string' ? [found] : (found ?? []).map(({ address }) => address);
    const bad = addresses.find(isForbidden);
    if (bad !== undefined) told(new Error(`${host} leads to ${bad}, which is no place of a printer`), '', 0);
    else told(error, found, family);
  });
