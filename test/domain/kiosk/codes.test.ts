import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CardOptions, cards } from '../../../src/domain/kiosk/codes.ts';
import { commands } from '../../../src/domain/resolve/commands.ts';
import { type TestApp, testApp } from '../../support/app.ts';
import { onEveryDatabase } from '../../support/databases.ts';
import { pagesOf, textOf, zxing } from '../../support/decode.ts';
import { refusal } from '../accounts/people.ts';

onEveryDatabase('cards to scan beside a kiosk', (dialect) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp(dialect);
    const made = async (path: string, body: object, tenant = app.plant) =>
      expect((await app.call('POST', path, { body, tenant })).status).toBe(201);
    await made('locations/', { name: 'Rúm 1 ↯ مخزن', code: 'ROOM-1' });
    await made('locations/', { name: 'Dock', code: 'DOCK' });
    await made('locations/', { name: 'Elsewhere', code: 'FAR' }, app.other);
    const person = { password: 'a good long pass phrase', role: 'operator' };
    await made('members/', { ...person, username: 'bob', full_name: 'Bob Brown', badge_code: 'BADGE-7' });
    await made('members/', { ...person, username: 'gone', badge_code: 'BADGE-8', is_active: false });
    await made('members/', { ...person, username: 'bare' });
  });
  afterAll(() => app.close());

  const pdf = async (options: CardOptions): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for await (const part of (await cards(app.as('admin'), options)).stream) parts.push(Buffer.from(part));
    return Buffer.concat(parts);
  };
  const read = async (bytes: Buffer) => {
    const pages = await Promise.all((await pagesOf(bytes, 200)).map((page) => zxing(page)));
    return pages
      .flat()
      .map(({ text }) => text)
      .sort();
  };

  it.each(['qr', 'code128'] as const)('are read as what the scanner is to be told, as %s', async (symbology) => {
    const bytes = await pdf({ kinds: ['commands', 'locations'], symbology });
    expect(await read(bytes)).toEqual([...Object.keys(commands), 'DOCK', 'ROOM-1'].sort());
    expect(await textOf(bytes)).toMatch(/Check-out[\s\S]*Stock-take[\s\S]*Dock/);
  });

  it('have the badges of active members, and of the places those that are wanted', async () => {
    const bytes = await pdf({ kinds: ['badges', 'locations'], places: ['DOCK'] });
    expect(await read(bytes)).toEqual(['BADGE-7', 'DOCK']);
    expect(await textOf(bytes)).toContain('Bob Brown');
  });

  it('say what cannot be printed', async () => {
    expect(await refusal(pdf({ kinds: ['locations'], places: ['NOWHERE'] }))).toEqual([
      404,
      'There is no place with the code NOWHERE.',
    ]);
    expect(await refusal(pdf({ kinds: [] }))).toEqual([404, expect.stringContaining('nothing to print')]);
    const code = `LONG-${'X'.repeat(70)}`;
    expect((await app.call('POST', 'locations/', { body: { name: 'L', code } })).status).toBe(201);
    const long = await refusal(pdf({ kinds: ['locations'], places: [code], symbology: 'code128' }));
    expect(JSON.stringify(long)).toMatch(/LONG-X+: .*does not fit/);
    expect(await refusal(cards(app.as('operator'), { kinds: ['badges'] }))).toEqual([403, expect.any(String)]);
  });
});
