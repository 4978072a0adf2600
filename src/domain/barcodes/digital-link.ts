/** GS1 Digital Link URIs: a web address that carries application identifiers (GS1 Digital Link Standard 1.3). */
import { aiTable } from './ai.ts';
import type { Element, Reading } from './gs1.ts';

/** AIs that name a thing, and so may begin the path. */
const primaryKeys = new Set('00 01 253 255 401 402 414 415 417 8003 8004 8006 8010 8013 8017 8018'.split(' '));

export const looksLikeLink = (text: string): boolean => /^https?:\/\//i.test(text);

/** The elements of the address; undefined when it carries none. */
export function readLink(text: string): Reading | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const steps = url.pathname.replace(/\/$/, '').split('/').map(decoded);
  const start = steps.findIndex(
    (step, index) => primaryKeys.has(step) && steps.length - index >= 2 && (steps.length - index) % 2 === 0,
  );
  if (start < 0) return undefined;
  const pairs: [string, string][] = [];
  for (let index = start; index + 1 < steps.length; index += 2) pairs.push([steps[index]!, steps[index + 1]!]);
  for (const [key, value] of url.searchParams) if (/^\d{2,4}$/.test(key)) pairs.push([key, value]);
  return gather(pairs);
}

function gather(pairs: readonly [string, string][]): Reading {
  const elements: Element[] = [];
  const faults = [];
  for (const [key, value] of pairs) {
    const ai = aiTable().get(key);
    // A GTIN may be written in any of its lengths.
    if (ai) elements.push({ ai, value: key === '01' && /^\d{8,13}$/.test(value) ? value.padStart(14, '0') : value });
    else faults.push({ code: 'GS1_UNKNOWN_AI', message: `AI ${key.slice(0, 10)}: unknown application identifier.` });
  }
  return { elements, faults };
}

/** The canonical address of the elements at GS1's own resolver; undefined without a primary key. */
export function linkOf(elements: readonly Element[]): string | undefined {
  const primary = elements.find(({ ai }) => primaryKeys.has(ai.ai));
  if (!primary) return undefined;
  const qualifiers = primary.ai.ai === '01' ? ['22', '10', '21'] : primary.ai.ai === '414' ? ['254'] : [];
  const following = qualifiers.flatMap((ai) => elements.filter((element) => element.ai.ai === ai));
  const path = [primary, ...following].map(({ ai, value }) => `/${ai.ai}/${encodeURIComponent(value)}`).join('');
  const rest = elements.filter((element) => element !== primary && !following.includes(element));
  const query = rest.map(({ ai, value }) => `${ai.ai}=${encodeURIComponent(value)}`).join('&');
  return `https://id.gs1.org${path}${query ? `?${query}` : ''}`;
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
