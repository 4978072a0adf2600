import type { Knex } from 'knex';
import { makeChangeable, makeInsertOnly } from './insert-only.ts';

const table = 'asset_state_history';

export const up = (knex: Knex): Promise<void> => makeInsertOnly(knex, table);

export const down = (knex: Knex): Promise<void> => makeChangeable(knex, table);
