import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestApp, testApp } from '../support/app.ts';
import { onEveryDatabase } from '../support/databases.ts';

onEveryDatabase('a list', (dialect) => {
  let app: TestApp;
  let made = 0;
  const nextTag = (prefix = 'P-') => {
    made += 1;
    return prefix + String(made).padStart(4, '0');
  };
  async function create(count: number): Promise<string[]> {
    const fresh = Array.from({ length: count }, () => nextTag());
    const items = fresh.map((asset_tag) => ({ asset_tag, name: 'Drill' }));
    expect((await app.call('POST', 'assets/bulk/', { body: { items } })).status).toBe(200);
    return fresh;
  }
  let first: string[];
  beforeAll(async () => {
    app = await testApp(dialect);
    first = await create(137);
    await app.call('POST', 'assets/', { tenant: app.other, body: { asset_tag: 'THEIRS', name: 'Drill' } });
  });
  afterAll(() => app.close());

  /** Follows the links of the answers, and does `between` after each page. */
  async function walk(start: string, link: 'next' | 'previous' = 'next', between = async () => {}) {
    const pages: { asset_tag: string }[][] = [];
    const counts: (number | null)[] = [];
    for (let path: string | null = start; path !== null; await between()) {
      const { body } = await app.call('GET', path);
      pages.push(body.results);
      counts.push(body.count);
      path = body[link] && relative(body[link]);
    }
    return { pages, counts, tags: pages.flat().map(({ asset_tag }) => asset_tag) };
  }

  function relative(link: string): string {
    expect(link.startsWith(`${app.url}/api/v1/assets/?`)).toBe(true);
    return link.slice(app.url.length);
  }

  it('has each row once when its pages are followed, in both directions', async () => {
    const forth = await walk('assets/?page_size=25&ordering=asset_tag');
    expect(forth.tags).toEqual(first);
    expect(forth.pages.map((page) => page.length)).toEqual([25, 25, 25, 25, 25, 12]);
    expect(forth.counts).toEqual(Array(6).fill(137));
    const back = await walk('assets/?page_size=25&ordering=asset_tag&page=6', 'previous');
    expect(back.pages.reverse()).toEqual(forth.pages);
  });

  it('keeps search, filter and order in its links', async () => {
    const { tags } = await walk('assets/?search=P-00&status=active&ordering=-asset_tag&page_size=40');
    expect(tags).toEqual(first.filter((tag) => tag.startsWith('P-00')).reverse());
    const none = await app.call('GET', 'assets/?search=P-00&status=lost');
    expect(none.body).toEqual({ count: 0, next: null, previous: null, results: [] });
  });

  it.each(['', '&ordering=id', '&ordering=-asset_tag', '&ordering=name', '&ordering=-status'])(
    'walked by cursor%s misses no row and has none twice, while others are added',
    async (ordering) => {
      const before = (await walk('assets/?cursor=&page_size=500')).tags;
      const { tags, counts, pages } = await walk(`assets/?cursor=&page_size=20${ordering}`, 'next', async () => {
        if (made < 400) await create(3);
      });
      expect(new Set(tags).size).toBe(tags.length);
      expect(before.filter((tag) => !tags.includes(tag))).toEqual([]);
      expect(new Set(counts)).toEqual(new Set([null]));
      expect(pages.slice(0, -1).every((page) => page.length === 20)).toBe(true);
    },
  );

  it('refuses a page number in a walk by cursor, which would skip rows', async () => {
    const { status, body } = await app.call('GET', 'assets/?cursor=&page=2&page_size=5');
    expect([status, Object.keys(body)]).toEqual([400, ['page']]);
  });

  it('refuses a cursor that was made for another order, or by nobody', async () => {
    const { body } = await app.call('GET', 'assets/?cursor=&page_size=5&ordering=asset_tag');
    const cursor = new URL(body.next).searchParams.get('cursor')!;
    for (const query of [`cursor=${cursor}&ordering=id`, 'cursor=bm9uc2Vuc2U', `cursor=${cursor.slice(0, -3)}`])
      expect([query, (await app.call('GET', `assets/?${query}`)).status]).toEqual([query, 400]);
  });

  it('of a tenant shows no other’s rows on any page', async () => {
    const { body } = await app.call('GET', 'assets/?cursor=&page_size=5&ordering=id');
    const theirs = await app.call('GET', relative(body.next), { tenant: app.other });
    expect(
      theirs.body.results.map(({ tenant }: { tenant: number }) => tenant).every((t: number) => t === app.other.id),
    ).toBe(true);
    expect((await walk('assets/?cursor=&page_size=500')).tags).not.toContain('THEIRS');
  });

  describe('as CSV', () => {
    const csv = async (query: string) => app.call('GET', `assets/?format=csv&${query}`);

    it('is the whole list, whatever page was asked for', async () => {
      const { headers, text } = await csv('page=2&page_size=3&ordering=asset_tag');
      expect(headers.get('Content-Type')).toMatch(/^text\/csv/);
      expect(headers.get('Content-Disposition')).toContain('assets.csv');
      const lines = text.trimEnd().split('\r\n');
      const column = lines[0]!.split(',').indexOf('asset_tag');
      expect(lines.slice(1).map((line) => line.split(',')[column])).toEqual(
        (await walk('assets/?cursor=&ordering=asset_tag')).tags,
      );
    });

    it('takes more rows than one read holds', async () => {
      await create(520);
      const lines = (await csv('ordering=id')).text.trimEnd().split('\r\n');
      expect(lines).toHaveLength(made + 1);
      expect(new Set(lines).size).toBe(made + 1);
    });

    it('gives a spreadsheet no formula to run, and leaves numbers and quotes as they are', async () => {
      const names: [string, string][] = [
        ['=HYPERLINK("http://evil")', `"'=HYPERLINK(""http://evil"")"`],
        ['+1+2', "'+1+2"],
        ['-1-2', "'-1-2"],
        ['@SUM(A1)', "'@SUM(A1)"],
        ['-42.5', '-42.5'],
        ['Saw, "big"', '"Saw, ""big"""'],
        ['Größe 测试', 'Größe 测试'],
      ];
      for (const [name] of names) {
        const body = { asset_tag: nextTag('CSV-'), name, description: 'two\nlines', metadata: { formula: '=1' } };
        expect((await app.call('POST', 'assets/', { body })).status).toBe(201);
      }
      const { text } = await csv('search=CSV-&ordering=id');
      for (const [, cell] of names) expect(text).toContain(`,${cell},"two\nlines",`);
      expect(text).toContain('"{""formula"":""=1""}"');
      expect(text).not.toMatch(/(^|,)[=@]/m);
    });
  });
});
