/** Lists of what is to be done: `?due=true`, `?overdue=true`, `?lead_days=7`. */
import { z } from 'zod';
import { type TenantContext, timestamp } from '../../db/context.ts';
import type { AnyResource } from '../../resource/define.ts';
import { type Clause, list, ownFilters, parseListQuery, truth } from '../../resource/pages.ts';
import { guarded, type Operation, type Served } from '../../resource/serve.ts';

export const DueQuery = z.object({
  due: truth().describe('What is open and due: from so many days ahead as its plan says, else at its time'),
  overdue: truth().describe('What is open and past its time'),
  lead_days: z
    .string()
    .regex(/^\d{1,5}$/, { error: 'A valid integer is required.' })
    .optional()
    .describe('How many days ahead to look instead; without due it asks for what is due'),
});

export interface DueColumns {
  /** When it is to be done. */
  at: string;
  /** From when on it is due where nobody says how many days ahead. */
  from: string;
  /** What is still to be done. */
  open: string;
}

/** The resource's operations with the three filters on its list. */
export function withDue<R extends AnyResource>(served: Served<R>, columns: DueColumns): Operation[] {
  const { resource } = served;
  const whole = served.operations.find(({ kind }) => kind === 'page')!;
  whole.query = DueQuery;
  whole.run = (ctx, { query }) =>
    guarded(ctx, resource.area, 'view', (inside) => {
      const asked = ownFilters(DueQuery, query);
      return list<R>(
        inside,
        resource,
        parseListQuery(resource, query, DueQuery),
        clausesOf(inside, columns, asked),
      ) as Promise<Awaited<ReturnType<Served<R>['list']>>>;
    });
  return served.operations;
}

function clausesOf(ctx: TenantContext, { at, from, open }: DueColumns, asked: z.output<typeof DueQuery>): Clause[] {
  const clauses: Clause[] = [];
  const add = (yes: boolean | undefined, text: string, until: string) => {
    if (yes === undefined) return;
    const full = `${open} AND ${text}`;
    // What has no time is never due: NOT over a NULL would leave it out of both answers.
    const otherwise = `${at} IS NULL OR NOT (${full})`;
    clauses.push({ text: yes ? full : otherwise, params: [until] });
  };
  const lead = asked.lead_days;
  if (lead === undefined) add(asked.due, `${from} <= ?`, timestamp(ctx));
  else add(asked.due ?? true, `${at} <= ?`, daysAfter(timestamp(ctx), Number(lead)));
  add(asked.overdue, `${at} < ?`, timestamp(ctx));
  return clauses;
}

const dayLength = 86_400_000;

/** The moment so many days later, or earlier; never outside the years that a stored instant has. */
export function daysAfter(instant: string, days: number): string {
  const time = new Date(instant).getTime() + days * dayLength;
  return new Date(Math.min(Math.max(time, -62_167_219_200_000), 253_402_300_799_999)).toISOString();
}
