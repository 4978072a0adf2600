import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createOutput, displayWidth, table } from '../../src/cli/output.ts';
import { startProgress } from '../../src/cli/progress.ts';

describe('a table', () => {
  it('aligns text left and numbers right', () => {
    const text = table(
      ['NAME', 'LABELS'],
      [
        ['A', 5],
        ['Long name', 12_000],
      ],
    );
    expect(text).toBe('NAME       LABELS\nA               5\nLong name   12000');
  });

  it('stays aligned with wide and combined characters', () => {
    const lines = table(
      ['NAME', 'ROLE'],
      [
        ['株式会社', 'x'],
        ['Zoe\u0308', 'x'],
        ['👩‍🔧', 'x'],
      ],
    ).split('\n');
    const columns = lines.slice(1).map((line) => displayWidth(line.slice(0, line.indexOf('x'))));
    expect(columns).toEqual([10, 10, 10]);
  });

  it('shows nothing as a dash and truth as a word', () => {
    expect(table(['A', 'B', 'C'], [[null, true, false]])).toBe('A  B    C\n–  yes  no');
  });

  it('lets no name from the database steer the terminal', () => {
    expect(table(['NAME'], [['a\u001b[2Jb\nc']])).toBe('NAME\na [2Jb c');
  });

  it('says so when it is empty', () => {
    expect(table(['NAME'], [])).toBe('None.');
  });
});

describe('the width of', () => {
  it.each([
    ['abc', 3],
    ['é', 1],
    ['漢字', 4],
    ['ﾊﾝｶｸ', 4],
    ['한국', 4],
    ['✅', 2],
  ])('%s is %d', (text, width) => expect(displayWidth(text)).toBe(width));
});

describe('a result', () => {
  const streams = () => ({ stdout: new PassThrough(), stderr: new PassThrough() });
  const written = ({ stdout, stderr }: ReturnType<typeof streams>) =>
    [stdout, stderr].map((stream) => `${stream.read() ?? ''}`);

  it('is text for a reader and one document with --json; remarks go to standard error', () => {
    for (const [json, expected] of [
      [false, 'Made 3.\n'],
      [true, '{"made":3}\n'],
    ] as const) {
      const to = streams();
      const out = createOutput(json, to as never);
      out.note('working');
      out.result({ made: 3 }, () => 'Made 3.');
      expect(written(to)).toEqual([expected, 'working\n']);
    }
  });
});

describe('progress', () => {
  it('is a line for each tenth where there is no terminal', async () => {
    const stream = new PassThrough();
    const progress = await startProgress('Labels', 1000, stream);
    for (let done = 1; done <= 1000; done += 1) progress.update(done);
    progress.stop();
    const lines = String(stream.read()).trim().split('\n');
    expect(lines).toHaveLength(10);
    expect([lines[0], lines[9]]).toEqual(['Labels: 100 of 1000 (10 %)', 'Labels: 1000 of 1000 (100 %)']);
  });

  it('tells the true share of few', async () => {
    const stream = new PassThrough();
    const progress = await startProgress('Labels', 3, stream);
    for (let done = 1; done <= 3; done += 1) progress.update(done);
    progress.stop();
    const shares = [...String(stream.read()).matchAll(/\((\d+) %\)/g)].map(([, share]) => share);
    expect(shares).toEqual(['33', '66', '100']);
  });

  it('is a bar on a terminal', async () => {
    const stream = Object.assign(new PassThrough(), {
      isTTY: true,
      columns: 100,
      cursorTo: () => true,
      clearLine: () => true,
    });
    const progress = await startProgress('Labels', 10, stream);
    progress.update(10);
    progress.stop();
    expect(String(stream.read())).toMatch(/Labels .*100 % \| 10 of 10/);
  });
});
