/** An app as it should be: keeps what it captured until it is told of it, repeats what it has no answer to, follows a cursor. */
import type { Answer } from '../../../src/domain/sync/wire.ts';

/** The way to the server; rejects when no answer comes back. */
export type Send = (request: object) => Promise<Answer>;

type Row = Answer['asset_changes'][number];

/** What befalls a request: it arrives, or never does; its answer is lost, or the whole is sent twice; or it comes again later. */
export const fates = ['well', 'well', 'lost request', 'lost answer', 'doubled', 'again later'] as const;
export type Fate = (typeof fates)[number];

export interface Edit {
  id: number;
  base_updated_at: string;
  captured_at: string;
  fields: Record<string, string>;
}

/** For each value that was ever written offline: by whom, and over which value. */
export interface Origin {
  device: string;
  seen: string;
}

export class Device {
  readonly name: string;
  readonly limit: number;
  /** Of its clock, in ms. */
  readonly skew: number;
  readonly replica = new Map<number, Row>();
  readonly written = new Map<string, Origin>();
  readonly events: string[] = [];
  readonly cursors: string[] = [];
  #scans: object[] = [];
  #edits: Edit[] = [];
  #acknowledgements: object[] = [];
  #cursor = '';
  #more = true;
  /** Requests that are still somewhere in the network. */
  readonly #astray: object[] = [];

  constructor(name: string, limit: number, skew: number) {
    this.name = name;
    this.limit = limit;
    this.skew = skew;
  }

  get idle(): boolean {
    return this.#scans.length + this.#edits.length + this.#acknowledgements.length === 0 && !this.#more;
  }

  scan(raw_value: string): void {
    const client_event_id = crypto.randomUUID();
    this.events.push(client_event_id);
    this.#scans.push({ client_event_id, raw_value, captured_at: this.#clock() });
  }

  /** Edits an asset of the replica; the version that was edited first stays the base until the edit is sent. */
  edit(choice: number, field: 'name' | 'description', value: string): void {
    const row = [...this.replica.values()][choice % Math.max(this.replica.size, 1)];
    if (!row) return;
    const pending = this.#edits.filter(({ id, fields }) => id === row.id && field in fields);
    this.written.set(value, { device: this.name, seen: pending.at(-1)?.fields[field] ?? row[field] });
    const base_updated_at = row.updated_at;
    this.#edits.push({ id: row.id, base_updated_at, captured_at: this.#clock(), fields: { [field]: value } });
  }

  async sync(send: Send, fate: Fate): Promise<void> {
    const [scans, edits] = [this.#scans.slice(0, 20), this.#edits.slice(0, 20)];
    const request = {
      cursor: this.#cursor,
      limit: this.limit,
      device_identifier: this.name,
      scan_events: scans,
      asset_changes: edits,
      conflict_acknowledgements: [...this.#acknowledgements],
    };
    if (fate === 'lost request') return;
    const answers = fate === 'doubled' ? [send(request), send(request)] : [send(request)];
    const [answer] = await Promise.all(answers);
    if (fate === 'again later') this.#astray.push(request);
    if (fate === 'lost answer') return;
    this.#take(answer!, scans.length, edits.length);
  }

  /** What went astray arrives after all; nobody hears the answer. */
  async arrive(send: Send): Promise<void> {
    for (const request of this.#astray.splice(0).reverse()) await send(request);
  }

  #take(answer: Answer, scans: number, edits: number): void {
    if (answer.reset_required) this.replica.clear();
    for (const row of answer.asset_changes) this.replica.set(row.id, row);
    for (const id of answer.deleted_asset_ids) this.replica.delete(id);
    this.#scans = this.#scans.slice(scans);
    this.#edits = this.#edits.slice(edits);
    this.#acknowledgements = answer.conflicts.map(({ id }, index) => ({
      conflict_id: id,
      resolution: index % 2 ? 'keep_local' : 'accept_server',
    }));
    this.#cursor = answer.next_cursor;
    this.#more = answer.has_more;
    this.cursors.push(answer.next_cursor);
  }

  #clock(): string {
    return new Date(Date.now() + this.skew).toISOString();
  }
}
