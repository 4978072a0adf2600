import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import canonicalize from 'canonicalize';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { makeChangeable } from '../../../migrations/insert-only.ts';
import { sha256 } from '../../../src/base/ids.ts';
import type { TenantContext } from '../../../src/db/context.ts';
import type { Row } from '../../../src/db/database.ts';
import type { Value } from '../../../src/db/dialect.ts';
import * as assets from '../../../src/domain/assets/service.ts';
import { signed } from '../../../src/domain/audit/checkpoints.ts';
import * as audit from '../../../src/domain/audit/service.ts';
import * as history from '../../../src/domain/history/service.ts';
import * as changes from '../../../src/queue/changes.ts';
import { chain, genesis } from '../../../src/queue/seals.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { unique } from '../../support/samples.ts';
import { type TestSite, testSite } from '../../support/site.ts';

type Place = { id: number; seq: number };

onEveryDatabase('the history chain', (dialect) => {
  let site: TestSite;
  let dir: string;
  let witness: audit.Witness;
  let ctx: TenantContext;
  beforeAll(async () => {
    site = await testSite(dialect);
    // Whoever tampers has got past the triggers.
    for (const table of ['asset_state_history', 'history_seals']) await makeChangeable(site.database.schema, table);
  });
  afterAll(() => site.close());
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'assetra-audit-'));
    witness = audit.openWitness(dir);
    ctx = await emptyTenant();
    return () => rmSync(dir, { recursive: true });
  });

  /** A tenant of its own for each test; what another left behind is not its business. */
  async function emptyTenant(): Promise<TenantContext> {
    const slug = unique('tenant').toLowerCase();
    const stamp = new Date().toISOString();
    const row = { name: slug, slug, is_active: true, settings: '{}', created_at: stamp, updated_at: stamp };
    const id = await site.database.insert('tenants', row);
    return { ...site.as('admin'), tenant: { id, name: slug, slug, settings: {} } };
  }

  const add = (name = 'Drill') => assets.served.create(ctx, { asset_tag: unique('T'), name });
  /** So many records, one after the other, as they stand in the chain. */
  async function records(count: number): Promise<Place[]> {
    for (let number = 0; number < count; number += 1) await add(`Drill ${number}`);
    await changes.catchUp(ctx);
    const sql = 'SELECT history_id AS id, seq FROM history_seals WHERE tenant_id = ? ORDER BY seq';
    return site.database.query<Place>(sql, [ctx.tenant.id]);
  }
  const sql = (text: string, ...params: Value[]) => site.database.execute(text, params);
  const key = () => createPublicKey(witness.privateKey);
  const verify = (checkpoints = audit.readCheckpoints(witness.path)) => audit.verify(ctx, { checkpoints, key: key() });
  const bad = async (checkpoints?: audit.Checkpoint[]) => (await verify(checkpoints)).first_bad;
  const sign = async () => {
    const faulty = await audit.checkpoint(ctx, witness);
    return faulty.filter(({ tenant }) => tenant === ctx.tenant.id);
  };

  it('holds after eight writers at once, with a place for each record', async () => {
    const writer = async () => {
      for (let round = 0; round < 5; round += 1) {
        const { id } = await add('Größe Ω 🙂 " \\ \u2028');
        await assets.served.change(ctx, id, { custom_fields: { z: 1.5, a: ['ä', null, 1e21], ' ': true } });
      }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    const found = await records(0);
    expect(found.map(({ seq }) => seq)).toEqual(Array.from({ length: 80 }, (_, index) => index + 1));
    expect(await verify()).toMatchObject({ first_bad: null, records: 80, sequence: 80 });
  });

  const columns: Record<string, Value> = {
    tenant_id: 1,
    asset_id: 4_711,
    event_type: 'move',
    actor_id: null,
    actor_label: 'somebody else',
    location_id: 4_711,
    gps_latitude: '52.520000',
    gps_longitude: '13.405000',
    previous_state: '{"name":"Saw"}',
    new_state: '{"name":"Saw"}',
    body: '{"actor":1}',
    checksum: 'f'.repeat(64),
    created_at: '2020-01-01T00:00:00.000Z',
    updated_at: '2020-01-01T00:00:00.000Z',
  };
  for (const [column, value] of Object.entries(columns))
    it(`finds an edit of ${column}`, async () => {
      const [, second] = await records(3);
      expect(await bad()).toBeNull();
      await sql(`UPDATE asset_state_history SET ${column} = ? WHERE id = ?`, value, second!.id);
      const found = await bad();
      expect(found).toMatchObject({ kind: 'edit', id: second!.id, sequence: 2 });
      expect(found!.message).toContain(column);
    });

  it('finds an edit whose checksum was made to fit', async () => {
    const [, second] = await records(3);
    const find = 'SELECT body FROM asset_state_history WHERE id = ?';
    const [{ body }] = (await site.database.query(find, [second!.id])) as [{ body: string }];
    const forged = canonicalize({ ...JSON.parse(body), actor_label: 'somebody else' })!;
    const update = 'UPDATE asset_state_history SET body = ?, checksum = ?, actor_label = ? WHERE id = ?';
    await sql(update, forged, sha256(forged), 'somebody else', second!.id);
    expect(await bad()).toMatchObject({ kind: 'edit', id: second!.id, sequence: 2 });
  });

  for (const [name, index] of Object.entries({ head: 0, middle: 1, tail: 2 })) {
    it(`finds that the ${name} was deleted`, async () => {
      const record = (await records(3))[index]!;
      await sql('DELETE FROM asset_state_history WHERE id = ?', record.id);
      expect(await bad()).toMatchObject({ kind: 'delete', id: record.id, sequence: record.seq });
    });

    it(`finds that the ${name} was deleted with its seal`, async () => {
      const record = (await records(3))[index]!;
      await sql('DELETE FROM asset_state_history WHERE id = ?', record.id);
      await sql('DELETE FROM history_seals WHERE history_id = ?', record.id);
      const kind = name === 'tail' ? 'truncate' : 'delete';
      expect(await bad()).toMatchObject({ kind, id: record.id, sequence: record.seq });
    });
  }

  it('finds two records that were exchanged', async () => {
    const [first, , third] = await records(4);
    await exchange(first!.id, third!.id);
    expect(await bad()).toMatchObject({ kind: 'reorder', id: first!.id, sequence: 1 });
  });

  async function exchange(one: number, two: number) {
    const spare = 10 ** 12;
    for (const [from, to] of [
      [one, spare],
      [two, one],
      [spare, two],
    ] as const)
      await sql('UPDATE asset_state_history SET id = ? WHERE id = ?', to, from);
  }

  it('finds a record that was put in past the program', async () => {
    const [first] = await records(2);
    const [row] = await site.database.query<Row>('SELECT * FROM asset_state_history WHERE id = ?', [first!.id]);
    const { id: _, ...copy } = row!;
    const id = await site.database.insert('asset_state_history', copy as Record<string, Value>);
    expect(await bad()).toMatchObject({ kind: 'insert', id });
    await sql('DELETE FROM asset_state_history WHERE id = ?', id);
  });

  if (dialect !== 'sqlite')
    it('finds a record that was deleted before it had its seal', async () => {
      await records(1);
      await add();
      const last = 'SELECT MAX(id) AS id FROM asset_state_history';
      const [{ id }] = (await site.database.query(last)) as [{ id: number }];
      await sql('DELETE FROM asset_state_history WHERE id = ?', id);
      expect(await bad()).toMatchObject({ kind: 'delete', id, sequence: 2 });
    });

  /** Leaves the first records and no trace of the rest, as a copy of the database from before would. */
  async function backTo({ seq, id }: Place) {
    const find = 'SELECT hash FROM history_seals WHERE history_id = ?';
    const [{ hash }] = (await site.database.query(find, [id])) as [{ hash: string }];
    const { id: tenant } = ctx.tenant;
    await sql('DELETE FROM asset_state_history WHERE tenant_id = ? AND id > ?', tenant, id);
    await sql('DELETE FROM history_seals WHERE tenant_id = ? AND seq > ?', tenant, seq);
    await sql('DELETE FROM change_log WHERE tenant_id = ? AND history_id > ?', tenant, id);
    await sql('UPDATE change_heads SET seal_seq = ?, seal_hash = ? WHERE tenant_id = ?', seq, hash, tenant);
  }

  it('finds by its checkpoints that an older copy was put in its place, at once and when it has grown again', async () => {
    const [, second] = await records(4);
    expect(await sign()).toEqual([]);
    await backTo(second!);
    expect(await bad([])).toBeNull();
    expect(await bad()).toMatchObject({ kind: 'truncate', sequence: 3 });
    expect(await sign()).toMatchObject([{ first_bad: { kind: 'truncate' } }]);
    const grown = await records(4);
    expect(await bad([])).toBeNull();
    expect(await bad()).toMatchObject({ kind: 'rewrite', sequence: 1, id: grown[0]!.id });
  });

  it('names the part that was written anew after the last checkpoint that holds', async () => {
    const [first, second] = await records(2);
    await sign();
    await records(2);
    await sign();
    await backTo(second!);
    await records(2);
    expect(await bad()).toMatchObject({ kind: 'rewrite', sequence: 3 });
    expect(first!.seq).toBe(1);
  });

  it('finds by its checkpoints that the whole chain was written anew with right hashes', async () => {
    const all = await records(4);
    await sign();
    await rewrite(all, 'somebody else');
    expect(await bad([])).toBeNull();
    expect(await bad()).toMatchObject({ kind: 'rewrite', sequence: 1, id: all[0]!.id });
  });

  async function rewrite(all: Place[], label: string) {
    const rows: { history_id: number; checksum: string }[] = [];
    for (const { id } of all) {
      const find = 'SELECT body FROM asset_state_history WHERE id = ?';
      const [{ body }] = (await site.database.query(find, [id])) as [{ body: string }];
      const forged = canonicalize({ ...JSON.parse(body), actor_label: label })!;
      const update = 'UPDATE asset_state_history SET body = ?, checksum = ?, actor_label = ? WHERE id = ?';
      await sql(update, forged, sha256(forged), label, id);
      rows.push({ history_id: id, checksum: sha256(forged) });
    }
    const { seals, seal_hash } = chain(ctx.tenant.id, { seal_seq: 0, seal_hash: genesis }, rows);
    await sql('DELETE FROM history_seals WHERE tenant_id = ?', ctx.tenant.id);
    await site.database.insertMany('history_seals', seals);
    await sql('UPDATE change_heads SET seal_hash = ? WHERE tenant_id = ?', seal_hash, ctx.tenant.id);
  }

  it('believes no checkpoint that another key has signed, or that was changed', async () => {
    await records(2);
    await sign();
    const genuine = audit.readCheckpoints(witness.path).find(({ tenant }) => tenant === ctx.tenant.id);
    const other = generateKeyPairSync('ed25519').publicKey;
    expect((await audit.verify(ctx, { checkpoints: [genuine!], key: other })).first_bad).toMatchObject({
      kind: 'checkpoint',
    });
    expect(await bad([{ ...genuine!, sequence: 1 }])).toMatchObject({ kind: 'checkpoint' });
  });

  it('believes no line that says "restored" and was not signed, and signs nothing over it', async () => {
    const [, second] = await records(4);
    await sign();
    await backTo(second!);
    const forged = {
      version: 1,
      kind: 'restore',
      tenant: ctx.tenant.id,
      slug: 'x',
      sequence: 0,
      seal: '',
      epoch: '',
      at: '',
    };
    const line = JSON.stringify({ ...forged, key: 'x', signature: 'AAAA' });
    appendFileSync(witness.path, `${line}\n`);
    for (const from of [1, 2, 3])
      expect(
        (await audit.verify(ctx, { checkpoints: audit.readCheckpoints(witness.path), key: key() }, { from })).first_bad,
      ).toMatchObject({ kind: 'checkpoint' });
    expect(await sign()).toMatchObject([{ first_bad: { kind: 'checkpoint' } }]);
    expect(readFileSync(witness.path, 'utf8').endsWith(`${line}\n`)).toBe(true);
    writeFileSync(witness.path, `${line.replace('"sequence":0', '"sequence":-1')}\n`);
    expect(() => audit.readCheckpoints(witness.path)).toThrow(/is no checkpoint/);
  });

  it('says that it cannot check checkpoints without their key', async () => {
    await records(1);
    await sign();
    const checkpoints = audit.readCheckpoints(witness.path);
    await expect(audit.verify(ctx, { checkpoints, key: undefined })).rejects.toThrow(/no key to check them with/);
    rmSync(join(dir, 'keys/audit.pub'));
    expect((await audit.verify(ctx, { checkpoints, key: audit.publicKeyOf(dir) })).first_bad).toBeNull();
  });

  it('finds a seal whose predecessor was renamed, and a record of before the first', async () => {
    const [, second] = await records(3);
    await sql('UPDATE history_seals SET prev_hash = ? WHERE history_id = ?', 'f'.repeat(64), second!.id);
    expect(await bad()).toMatchObject({ kind: 'edit', id: second!.id });
    const find = 'SELECT hash FROM history_seals WHERE tenant_id = ? AND seq = 1';
    const [{ hash }] = (await site.database.query(find, [ctx.tenant.id])) as [{ hash: string }];
    await sql('UPDATE history_seals SET prev_hash = ? WHERE history_id = ?', hash, second!.id);
    expect(await bad()).toBeNull();
    const [row] = await site.database.query<Row>('SELECT * FROM asset_state_history WHERE id = ?', [second!.id]);
    if (dialect === 'mysql') return;
    await site.database.insertMany('asset_state_history', [{ ...(row as Record<string, Value>), id: -10 }]);
    expect(await bad()).toMatchObject({ kind: 'insert', id: -10 });
    await sql('DELETE FROM asset_state_history WHERE id = -10');
  });

  it('is not taken in by a walk that begins behind the end, nor by a head that is gone', async () => {
    const [, , third] = await records(5);
    await sign();
    const from = async (place: number) => {
      const evidence = { checkpoints: audit.readCheckpoints(witness.path), key: key() };
      return (await audit.verify(ctx, evidence, { from: place })).first_bad;
    };
    expect(await from(6)).toBeNull();
    expect(await from(7)).toMatchObject({ kind: 'truncate' });
    await backTo(third!);
    expect(await from(4)).toMatchObject({ kind: 'truncate' });
    expect(await from(6)).toMatchObject({ kind: 'truncate', sequence: 4 });
    await sql('DELETE FROM change_heads WHERE tenant_id = ?', ctx.tenant.id);
    expect(await bad([])).toMatchObject({ kind: 'truncate' });
  });

  it('signs nothing of a copy of the database that a restore has replaced', async () => {
    await records(2);
    await sign();
    await sql('UPDATE change_heads SET epoch = ? WHERE tenant_id = ?', 'another', ctx.tenant.id);
    await audit.noteRestore(ctx, witness);
    await records(1);
    expect(await sign()).toEqual([]);
    await sql('UPDATE change_heads SET epoch = ? WHERE tenant_id = ?', 'of before', ctx.tenant.id);
    await records(1);
    expect(await sign()).toMatchObject([{ first_bad: { message: expect.stringContaining('another copy') } }]);
  });

  it('gives up the chain of a tenant that a restore did not bring back', async () => {
    await records(2);
    await sign();
    const [line] = audit.readCheckpoints(witness.path).filter(({ tenant }) => tenant === ctx.tenant.id);
    const strange = 987_654;
    const { signature: _, key: __, ...statement } = line!;
    appendFileSync(witness.path, `${JSON.stringify(signedAgain({ ...statement, tenant: strange }))}\n`);
    await audit.noteRestore(ctx, witness);
    const last = audit
      .readCheckpoints(witness.path)
      .filter(({ tenant }) => tenant === strange)
      .at(-1);
    expect(last).toMatchObject({ kind: 'restore', sequence: 0 });
  });

  const signedAgain = (statement: Parameters<typeof signed>[0]) => signed(statement, witness.privateKey);

  if (dialect === 'sqlite')
    it('finds bytes in the place of text, and signs the other tenants', async () => {
      const [, second] = await records(3);
      await sql("UPDATE asset_state_history SET actor_label = CAST('mallory' AS BLOB) WHERE id = ?", second!.id);
      expect(await bad()).toMatchObject({ kind: 'edit', id: second!.id });
      const other = ctx;
      ctx = await emptyTenant();
      await records(1);
      await sign();
      const signedTenants = audit.readCheckpoints(witness.path).map(({ tenant }) => tenant);
      expect([signedTenants.includes(ctx.tenant.id), signedTenants.includes(other.tenant.id)]).toEqual([true, false]);
    });

  it('takes a restore that was signed for what it is, and says what was given up', async () => {
    const [, second] = await records(4);
    await sign();
    await backTo(second!);
    await audit.noteRestore(ctx, witness);
    const verdict = await verify();
    expect(verdict.first_bad).toBeNull();
    expect(verdict.notes).toEqual([expect.stringMatching(/to record 2 of the chain; 2 later ones were given up/)]);
    await records(2);
    expect(await sign()).toEqual([]);
    expect(await bad()).toBeNull();
  });

  it('signs only what came since, and only what holds', async () => {
    const mine = () => audit.readCheckpoints(witness.path).filter(({ tenant }) => tenant === ctx.tenant.id);
    const [first] = await records(2);
    await sign();
    await sign();
    expect(mine().map(({ sequence }) => sequence)).toEqual([2]);
    await records(1);
    await sign();
    expect(mine().map(({ sequence }) => sequence)).toEqual([2, 3]);
    const [, , , last] = await records(1);
    await sql('UPDATE asset_state_history SET event_type = ? WHERE id = ?', 'move', last!.id);
    expect(await sign()).toMatchObject([{ first_bad: { kind: 'edit', id: last!.id } }]);
    expect(mine()).toHaveLength(2);
    expect(first!.seq).toBe(1);
  });

  it('leaves out the line that a killed process did not finish, and refuses any other that is none', async () => {
    await records(1);
    await sign();
    const text = readFileSync(witness.path, 'utf8');
    writeFileSync(witness.path, text + text.slice(0, 30));
    expect(audit.readCheckpoints(witness.path)).toHaveLength(text.split('\n').length - 1);
    await records(1);
    await sign();
    const own = audit.readCheckpoints(witness.path).filter(({ tenant }) => tenant === ctx.tenant.id);
    expect(own.map(({ sequence }) => sequence)).toEqual([1, 2]);
    writeFileSync(witness.path, `nonsense\n${text}`);
    expect(() => audit.readCheckpoints(witness.path)).toThrow(/Line 1 of .* is no checkpoint/);
  });

  it('shows its proof with the history of an asset: hashes that anyone can work out', async () => {
    const { id } = await add();
    await assets.served.change(ctx, id, { name: 'Saw' });
    const { rows } = await history.ofAsset(ctx, id, { ordering: 'id' });
    expect(rows.map(({ sequence }) => sequence)).toEqual([1, 2]);
    let previous = genesis;
    for (const { body, checksum, sequence, previous_seal, seal } of rows) {
      expect(sha256(body)).toBe(checksum);
      expect(previous_seal).toBe(previous);
      expect(seal).toBe(sha256(`assetra-h1\n${previous}\n${sequence}\n${checksum}`));
      previous = seal!;
    }
  });

  it('checks from a record on when asked to', async () => {
    const [first] = await records(3);
    await sql('UPDATE asset_state_history SET event_type = ? WHERE id = ?', 'move', first!.id);
    const evidence = { checkpoints: [], key: key() };
    expect(await audit.verify(ctx, evidence, { from: 2 })).toMatchObject({ first_bad: null, records: 2, sequence: 3 });
  });
});
