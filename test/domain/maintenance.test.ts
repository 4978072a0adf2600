import { afterAll, beforeAll, expect, it } from 'vitest';
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

  it('schedules the next time when a record of a plan is performed', async () => {
    const of = await asset();
    const plan = await post('maintenance-plans', { asset: of, name: 'Oil', every_days: 90, next_due_at: inDays(3) });
    const open = async () => (await app.call('GET', `maintenance-records/?plan=${plan.id}&ordering=id`)).body.results;
    const [first] = await open();
    expect(first).toMatchObject({ asset: of, scheduled_at: plan.next_due_at, performed_at: null });
    expect(first.due_from).toBe(inDays(-7, Date.parse(plan.next_due_at)));
    expect(await ids(`maintenance-records/?plan=${plan.id}&due=true`)).toEqual([first.id]);
    const at = inDays(0);
    await patch('maintenance-records', first.id, { performed_at: at });
    const [, second, ...more] = await open();
    expect(more).toEqual([]);
    expect(second).toMatchObject({ scheduled_at: inDays(90, Date.parse(at)), performed_at: null });
    const after = (await app.call('GET', `maintenance-plans/${plan.id}/`)).body;
    expect(after).toMatchObject({ last_performed_at: at, next_due_at: second.scheduled_at });
    await patch('maintenance-records', first.id, { performed_at: inDays(-1) });
    expect(await open()).toHaveLength(2);
    await post('maintenance-records', { asset: of, plan: plan.id, performed_at: inDays(-50) });
    expect((await app.call('GET', `maintenance-plans/${plan.id}/`)).body.next_due_at).toBe(second.scheduled_at);
  });

  it('keeps one open record for an active plan, and none for another', async () => {
    const of = await asset();
    const plan = await post('maintenance-plans', { asset: of, name: 'Filter', every_days: 30 });
    expect(Date.parse(plan.next_due_at) - Date.now()).toBeGreaterThan(29.9 * day);
    const open = () => ids(`maintenance-records/?plan=${plan.id}`);
    const [id] = await open();
    await patch('maintenance-plans', plan.id, { next_due_at: inDays(2), lead_days: 1 });
    const moved = (await app.call('GET', `maintenance-records/${id}/`)).body;
    expect(Date.parse(moved.scheduled_at) - Date.parse(moved.due_from)).toBe(day);
    await patch('maintenance-plans', plan.id, { is_active: false });
    expect(await open()).toEqual([]);
    await patch('maintenance-plans', plan.id, { is_active: true });
    expect(await open()).toHaveLength(1);
    const done = await post('maintenance-records', { asset: of, plan: plan.id, performed_at: inDays(0) });
    expect((await app.call('DELETE', `maintenance-plans/${plan.id}/`)).status).toBe(204);
    expect(await ids(`maintenance-records/?asset=${of}`)).toEqual([done.id]);
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
    await post('maintenance-plans', { asset: id, name: 'x', every_days: 1 });
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
