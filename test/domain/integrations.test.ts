import { afterAll, beforeAll, expect, it } from 'vitest';
import { isSecretKey } from '../../src/domain/integrations/secrets.ts';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';
import { unique } from '../support/samples.ts';

it.each([
  ...['password', 'DB_PASSWORD', 'dbPassword', 'pwd', 'pass', 'clientSecret', 'client-secret', 'secret_id', 'token'],
  ...['accessToken', 'refresh_token', 'apiKey', 'api_key', 'APIKEY', 'x-api-key', 'private_key', 'AccountKey'],
  ...['connectionString', 'connection_url', 'Authorization', 'credentials', 'dsn', 'auth', 'aws_secret_access_key'],
])('%s names a secret', (key) => expect(isSecretKey(key)).toBe(true));

it.each([
  ...['file', 'user', 'author', 'passenger', 'tokenizer', 'compass', 'key', 'sheet_key', 'monkey', 'token_url', ''],
  ...['auth_type', 'tokenName', 'private_key_id', 'client_id', 'password_field', 'constructor', '__proto__', '…'],
])('%s names none', (key) => expect(isSecretKey(key)).toBe(false));

onEveryDatabase('integrations', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
  });
  afterAll(() => app.close());

  const config = {
    host: 'db.plant',
    port: 5432,
    password: 'hunter2-first',
    url: 'postgres://reader:hunter2-second@db/stock',
    nested: {
      accounts: [
        { user: 'a', token: 'hunter2-a' },
        { user: 'b', token: 'hunter2-b' },
      ],
    },
    credentials: { user: 'hunter2-user', pin: 4711, active: true, none: null, empty: '' },
  };
  const masked = /^••••[0-9A-Z]{8}$/;
  const make = async (body: object = { config }) =>
    (
      await app.call('POST', 'integrations/', {
        role: 'operator',
        body: { name: unique('I'), connector_type: 'postgresql', ...body },
      })
    ).body;
  const clear = async (id: number) => (await app.call('GET', `integrations/${id}/config/`)).body;

  it('answers secrets as masks everywhere, and keeps them sealed', async () => {
    const made = await make();
    expect(made.config).toEqual({
      host: 'db.plant',
      port: 5432,
      password: expect.stringMatching(masked),
      url: expect.stringMatching(masked),
      nested: {
        accounts: [
          { user: 'a', token: expect.stringMatching(masked) },
          { user: 'b', token: expect.stringMatching(masked) },
        ],
      },
      credentials: {
        ...{ user: expect.stringMatching(masked), pin: expect.stringMatching(masked) },
        ...{ active: true, none: null, empty: '' },
      },
    });
    for (const path of [`integrations/${made.id}/`, 'integrations/', 'integrations/?format=csv'])
      expect((await app.call('GET', path)).text).not.toMatch(/hunter2|4711/);
    const rows = await app.database.query('SELECT * FROM integrations WHERE id = ?', [made.id]);
    expect(JSON.stringify(rows)).not.toMatch(/hunter2|4711/);
    expect(await clear(made.id)).toEqual(config);
  });

  it('shows them in the clear to an admin of the tenant alone', async () => {
    const { id } = await make();
    for (const role of ['operator', 'auditor', 'read_only'] as const)
      expect((await app.call('GET', `integrations/${id}/config/`, { role })).status).toBe(403);
    expect((await app.call('GET', `integrations/${id}/config/`, { tenant: app.other })).status).toBe(403);
    expect((await app.call('GET', 'integrations/999999/config/')).status).toBe(404);
  });

  it('keeps a secret whose mask is sent back, wherever it has gone, and takes a new one', async () => {
    const made = await make();
    const tag = (await app.call('GET', `integrations/${made.id}/`)).headers.get('ETag')!;
    const put = await app.call('PUT', `integrations/${made.id}/`, { body: made, headers: { 'If-Match': tag } });
    expect([put.status, put.body.config]).toEqual([200, made.config]);
    const [, second] = made.config.nested.accounts;
    const moved = { ...made.config, password: 'hunter2-new', nested: { accounts: [second] } };
    const changed = await app.call('PATCH', `integrations/${made.id}/`, { role: 'operator', body: { config: moved } });
    expect(changed.status).toBe(200);
    expect(changed.body.config.password).not.toBe(made.config.password);
    expect(await clear(made.id)).toEqual({
      ...config,
      password: 'hunter2-new',
      nested: { accounts: [{ user: 'b', token: 'hunter2-b' }] },
    });
    await app.call('PATCH', `integrations/${made.id}/`, { body: { name: 'Renamed' } });
    expect((await clear(made.id)).password).toBe('hunter2-new');
  });

  it('refuses a mask that stands for nothing here', async () => {
    const [one, other] = [await make(), await make({ config: { note: 'x' } })];
    const stolen = { config: { list: [{ password: one.config.password }] } };
    const { status, body } = await app.call('PATCH', `integrations/${other.id}/`, { body: stolen });
    expect([status, body]).toEqual([
      400,
      { config: { list: { 0: { password: [expect.stringContaining('Send the secret itself')] } } } },
    ]);
    expect(await clear(other.id)).toEqual({ note: 'x' });
  });
});
