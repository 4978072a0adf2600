import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

const day = 86_400_000;
const inDays = (days: number, from = Date.now()) => new Date(from + days * day).toISOString();

onEveryDatabase('maintenance and inspections', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const post = async (path: string, body: object) => {
    const answer = await app.call('POST', `${path}/`, { role: 'operator', body });
    expect([answer.status, answer.body]).toEqual([201, answer.body]);
    return answer.body;
  };
  const patch = async (path: string, id: number, body: object) =>
    (await app.call('PATCH', `${path}/${id}/`, { role: 'operator', body })).body;
  const asset = async () => (await post('assets', { asset_tag: unique('M'), name: 'Pump' })).id;
  const ids = async (query: string) =>
    (await app.call('GET', `${query}&page_size=500`)).body.results.map((row: { id: number }) => row.id);
  const history = async (id: number) => (await app.call('GET', `assets/${id}/history/?ordering=id`)).body.results;

  it.each(['maintenance-records', 'inspection-records'])('lists what of %s is due, with a lead time', async (path) => {
    const of = { asset: await asset() };
    const done = path === 'maintenance-records' ? 'performed_at' : 'inspected_at';
    const late = (await post(path, { ...of, scheduled_at: inDays(-1) })).id;
    const soon = (await post(path, { ...of, scheduled_at: inDays(5) })).id;
    const far = (await post(path, { ...of, scheduled_at: inDays(30) })).id;
    const past = (await post(path, { ...of, scheduled_at: inDays(-2), [done]: inDays(-1) })).id;
    const unplanned = (await post(path, { ...of, [done]: inDays(0) })).id;
    const listed = (query: string) => ids(`${path}/?asset=${of.asset}&ordering=id&${query}`);
    expect(await listed('overdue=true')).toEqual([late]);
    expect(await listed('due=true')).toEqual([late]);
    expect(await listed('due=true&lead_days=7')).toEqual([late, soon]);
    expect(await listed('due=1&lead_days=99999')).toEqual([late, soon, far]);
    expect(await listed('lead_days=7')).toEqual([late, soon]);
    expect(await listed('due=True&overdue=')).toEqual([late]);
    expect(await listed('overdue=false')).toEqual([soon, far, past, unplanned]);
    expect(await listed('due=true&overdue=false&lead_days=7')).toEqual([soon]);
    for (const query of ['due=maybe', 'lead_days=-1', 'lead_days=x', 'due=true&due=true'])
      expect((await app.call('GET', `${path}/?${query}`)).status).toBe(400);
    expect((await app.call('GET', `${path}/?colour=red`)).body.colour[0]).toContain('due, overdue, lead_days');
    expect((await app.call('GET', `${path}/?due=true&due=0`)).body).toEqual({ due: ['Give this parameter once.'] });
    const csv = await app.call('GET', `${path}/?asset=${of.asset}&due=true&format=csv`);
    expect(csv.text.trim().split('\r\n')).toHaveLength(2);
  });

  it('tells the history of the asset what was planned and what was done', async () => {
    const id = await asset();
    const record = await post('maintenance-records', { asset: id, scheduled_at: inDays(1) });
    await patch('maintenance-records', record.id, { notes: 'bring a ladder' });
    const at = inDays(0);
    await patch('maintenance-records', record.id, { performed_at: at, result_data: { oil: 'changed' } });
    await patch('maintenance-records', record.id, { notes: 'typing error' });
    await post('inspection-records', { asset: id, status: 'passed', inspector: app.userId('operator') });
    const [, planned, performed, inspected, ...more] = await history(id);
    expect(more).toEqual([]);
    expect(planned).toMatchObject({ event_type: 'maintain', new_state: { performed_at: null } });
    expect(performed).toMatchObject({
      event_type: 'maintain',
      actor: app.userId('operator'),
      previous_state: { performed_at: null },
      new_state: { maintenance_record: record.id, performed_at: at, result_data: { oil: 'changed' } },
    });
    expect(inspected).toMatchObject({ event_type: 'inspect', new_state: { status: 'passed' } });
    expect(inspected.new_state.inspected_at).not.toBeNull();
  });

  it('tells of a verdict that changes', async () => {
    const id = await asset();
    const record = await post('inspection-records', { asset: id, scheduled_at: inDays(1) });
    expect(record).toMatchObject({ status: 'pending', inspected_at: null });
    await patch('inspection-records', record.id, { inspected_at: inDays(0), status: 'failed' });
    await patch('inspection-records', record.id, { status: 'passed' });
    expect((await history(id)).map((row: { new_state: { status: string } }) => row.new_state.status).slice(1)).toEqual([
      'pending',
      'failed',
      'passed',
    ]);
  });

  describe.each([
    ['maintenance', 'maintenance-records', 'performed_at'],
    ['inspection', 'inspection-records', 'inspected_at'],
  ])('a plan for %s', (kind, path, done) => {
    const plan = async (of: number, more: object = {}) =>
      post('maintenance-plans', { asset: of, kind, name: unique('Plan'), every_days: 30, ...more });
    const openOf = (id: number) => ids(`${path}/?plan=${id}&ordering=id`);
    const planNow = async (id: number) => (await app.call('GET', `maintenance-plans/${id}/`)).body;
    const record = async (id: number) => (await app.call('GET', `${path}/${id}/`)).body;
    const change = (id: number, body: object, method = 'PATCH') => app.call(method, `${path}/${id}/`, { body });

    it('schedules the next time when a record of it is done', async () => {
      const of = await asset();
      const made = await plan(of, { every_days: 90, next_due_at: inDays(3) });
      expect(made).toMatchObject({ kind, lead_days: 7 });
      const open = async () => (await app.call('GET', `${path}/?plan=${made.id}&ordering=id`)).body.results;
      const [first] = await open();
      expect(first).toMatchObject({ asset: of, scheduled_at: made.next_due_at, [done]: null });
      expect(first.due_from).toBe(inDays(-7, Date.parse(made.next_due_at)));
      for (const query of ['due=true', 'lead_days=3', 'overdue=false'])
        expect(await ids(`${path}/?plan=${made.id}&${query}`)).toEqual([first.id]);
      for (const query of ['due=false', 'lead_days=2', 'overdue=true'])
        expect(await ids(`${path}/?plan=${made.id}&${query}`)).toEqual([]);
      const at = inDays(0);
      await patch(path, first.id, { [done]: at });
      const [, second, ...more] = await open();
      expect(more).toEqual([]);
      expect(second).toMatchObject({ scheduled_at: inDays(90, Date.parse(at)), [done]: null });
      expect(await planNow(made.id)).toMatchObject({ last_performed_at: at, next_due_at: second.scheduled_at });
      await post(path, { asset: of, plan: made.id, [done]: inDays(-50) });
      expect((await planNow(made.id)).next_due_at).toBe(second.scheduled_at);
    });

    it('counts again when the date of what was done is mended, and when that record goes', async () => {
      const made = await plan(await asset());
      const [first] = await openOf(made.id);
      await patch(path, first, { [done]: '2062-01-01T00:00:00Z' });
      await patch(path, first, { [done]: inDays(-2) });
      const next = inDays(30, Date.parse((await record(first))[done]));
      expect((await planNow(made.id)).next_due_at).toBe(next);
      const [, second] = await openOf(made.id);
      expect((await record(second)).scheduled_at).toBe(next);
      const third = (await post(path, { asset: made.asset, plan: made.id, [done]: inDays(-1) })).id;
      expect((await app.call('DELETE', `${path}/${third}/`)).status).toBe(204);
      expect((await planNow(made.id)).next_due_at).toBe(next);
      await patch('maintenance-plans', made.id, { every_days: 10 });
      expect((await record(second)).scheduled_at).toBe(inDays(-20, Date.parse(next)));
    });

    it('keeps one open record while it is active, and none when not', async () => {
      const of = await asset();
      const made = await plan(of);
      expect(Date.parse(made.next_due_at) - Date.now()).toBeGreaterThan(29.9 * day);
      const [id] = await openOf(made.id);
      await patch('maintenance-plans', made.id, { next_due_at: inDays(2), lead_days: 1 });
      const moved = await record(id);
      expect(Date.parse(moved.scheduled_at) - Date.parse(moved.due_from)).toBe(day);
      await patch('maintenance-plans', made.id, { is_active: false });
      expect(await openOf(made.id)).toEqual([]);
      await patch('maintenance-plans', made.id, { is_active: true });
      expect(await openOf(made.id)).toHaveLength(1);
      const past = await post(path, { asset: of, plan: made.id, [done]: inDays(0) });
      expect((await app.call('DELETE', `maintenance-plans/${made.id}/`)).status).toBe(204);
      expect(await ids(`${path}/?asset=${of}`)).toEqual([past.id]);
    });

    it('moves with its open record, which cannot be deleted, doubled, undated or taken from it', async () => {
      const made = await plan(await asset());
      const [open] = await openOf(made.id);
      const refused = async (call: Promise<{ status: number; body: object }>) => {
        const { status, body } = await call;
        return [status, ...Object.keys(body)];
      };
      expect(await refused(app.call('DELETE', `${path}/${open}/`))).toEqual([409, 'detail']);
      expect(await refused(change(open, { scheduled_at: null }))).toEqual([400, 'scheduled_at']);
      const doubled = { asset: made.asset, plan: made.id, scheduled_at: inDays(1) };
      expect(await refused(app.call('POST', `${path}/`, { body: doubled }))).toEqual([400, 'plan']);
      const loose = await post(path, { asset: made.asset, scheduled_at: inDays(1) });
      expect(await refused(change(loose.id, { plan: made.id }))).toEqual([400, 'plan']);
      const at = inDays(12);
      expect((await change(open, { scheduled_at: at })).body.due_from).toBe(inDays(-7, Date.parse(at)));
      expect((await planNow(made.id)).next_due_at).toBe(at);
      expect((await change(open, { plan: null })).status).toBe(200);
      expect(await openOf(made.id)).toHaveLength(1);
      const [next] = await openOf(made.id);
      await patch(path, next, { [done]: inDays(0) });
      expect(await refused(change(next, { [done]: null }))).toEqual([400, done]);
      expect(await openOf(made.id)).toHaveLength(2);
    });

    it('is kept by a row that an older client sends back without it', async () => {
      const made = await plan(await asset());
      const [open] = await openOf(made.id);
      const { plan: _, due_from: __, ...row } = await record(open);
      const sent = await change(open, { ...row, [done]: inDays(0) }, 'PUT');
      expect([sent.status, sent.body.plan]).toEqual([200, made.id]);
      expect(await openOf(made.id)).toHaveLength(2);
    });

    it('is done once by two who say so at the same time', async () => {
      const made = await plan(await asset());
      const [open] = await openOf(made.id);
      const at = inDays(0);
      await Promise.all([
        change(open, { [done]: at }),
        change(open, { [done]: at }),
        app.call('POST', `${path}/`, { body: { asset: made.asset, plan: made.id, [done]: at } }),
        app.call('PATCH', `maintenance-plans/${made.id}/`, { body: { lead_days: 3 } }),
      ]);
      const still = await ids(`${path}/?plan=${made.id}&lead_days=400`);
      expect(still).toHaveLength(1);
      expect((await record(still[0])).scheduled_at).toBe(inDays(30, Date.parse(at)));
    });
  });

  it('has plans of both kinds for one asset, each with records of its own', async () => {
    const of = await asset();
    const plans = [];
    for (const kind of ['maintenance', 'inspection', 'inspection'])
      plans.push(await post('maintenance-plans', { asset: of, kind, name: kind, every_days: 7 }));
    expect(await ids(`maintenance-records/?asset=${of}&lead_days=30`)).toHaveLength(1);
    expect(await ids(`inspection-records/?asset=${of}&lead_days=30`)).toHaveLength(2);
    expect(await ids(`maintenance-plans/?asset=${of}&kind=inspection&ordering=id`)).toEqual([plans[1].id, plans[2].id]);
    const wrong = { asset: of, plan: plans[0].id, inspected_at: inDays(0) };
    const { status, body } = await app.call('POST', 'inspection-records/', { body: wrong });
    expect([status, body]).toEqual([400, { plan: ['This plan is for maintenance, and not for inspection.'] }]);
    const turned = await app.call('PATCH', `maintenance-plans/${plans[0].id}/`, { body: { kind: 'inspection' } });
    expect([turned.status, Object.keys(turned.body)]).toEqual([400, ['kind']]);
  });

  it('refuses a plan of another asset, and a record that moves to one', async () => {
    const [one, two] = [await asset(), await asset()];
    const plan = await post('maintenance-plans', { asset: one, name: 'x', every_days: 1 });
    const call = (method: string, path: string, body: object) => app.call(method, path, { body });
    const wrong = await call('POST', 'maintenance-records/', { asset: two, plan: plan.id });
    expect([wrong.status, wrong.body]).toEqual([400, { plan: ['This plan is of another asset.'] }]);
    for (const path of ['maintenance-records', 'inspection-records']) {
      const { id } = await post(path, { asset: one });
      expect(Object.keys((await call('PATCH', `${path}/${id}/`, { asset: two })).body)).toEqual(['asset']);
    }
    expect((await call('PATCH', `maintenance-plans/${plan.id}/`, { asset: two })).status).toBe(400);
  });

  it('goes with its asset, and stays in its history', async () => {
    const id = await asset();
    for (const kind of ['maintenance', 'inspection'])
      await post('maintenance-plans', { asset: id, kind, name: 'x', every_days: 1 });
    await post('maintenance-records', { asset: id, performed_at: inDays(0) });
    await post('inspection-records', { asset: id });
    expect((await app.call('DELETE', `assets/${id}/`)).status).toBe(204);
    for (const path of ['maintenance-plans', 'maintenance-records', 'inspection-records'])
      expect(await ids(`${path}/?asset=${id}`)).toEqual([]);
    const kept = await app.database.query<{ event_type: string }>(
      'SELECT event_type FROM asset_state_history WHERE asset_id = ? ORDER BY id',
      [id],
    );
    expect(kept.map(({ event_type }) => event_type)).toEqual(['create', 'maintain', 'inspect', 'delete']);
  });
});
