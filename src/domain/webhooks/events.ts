/** What an endpoint may ask for. */
import { Invalid } from '../../base/errors.ts';
import { type EventName, eventNames } from '../outbox/service.ts';

const groupOf = (name: string): string => name.slice(0, name.indexOf('.') + 1);

/**
 * Invalid on each name of an outbound endpoint that would never come: one in a group of ours that is no event. Other
 * names are those that a site's workflows dispatch, and an inbound endpoint's are the sender's: both are taken as they are.
 */
export function checkEvents({ direction, events }: { direction: string; events: readonly string[] }): void {
  if (direction === 'inbound') return;
  const faults: Record<string, string[]> = {};
  for (const [index, name] of events.entries()) {
    const group = groupOf(name.toLowerCase());
    const known = eventNames.filter((event) => groupOf(event) === group);
    if (group === '' || known.length === 0 || [...known, `${group}*`].includes(name as EventName)) continue;
    faults[index] = [`There is no such event. Choose one of: ${[...known, `${group}*`].join(', ')}.`];
  }
  if (Object.keys(faults).length > 0) throw new Invalid({ events: faults });
}
