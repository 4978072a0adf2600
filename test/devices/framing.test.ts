import { expect, it, vi } from 'vitest';
import { Framing, maxLength } from '../../src/devices/framing.ts';
import { deviceSettings } from '../../src/devices/settings.ts';

function framed(settings: object = {}) {
  const scans: string[] = [];
  const overflow = vi.fn();
  const framing = new Framing(deviceSettings.parse({ duplicate_window_ms: 0, ...settings }), {
    scan: (text) => scans.push(text),
    overflow,
  });
  const push = (text: string | Uint8Array) => framing.push(Buffer.from(text as string));
  return { framing, scans, overflow, push };
}

it('ends a code at CR, LF or both, in any cut', () => {
  const { scans, push } = framed();
  for (const byte of 'A-1\rA-2\nA-3\r\n\r\nA-4') push(byte);
  expect(scans).toEqual(['A-1', 'A-2', 'A-3']);
  push('\r');
  expect(scans.at(-1)).toBe('A-4');
});

it('keeps the AIM identifier and GS, and drops other control characters', () => {
  const { scans, push } = framed();
  push(']C10109521234543213\u001d10AB\u0002C\r');
  expect(scans).toEqual([']C10109521234543213\u001d10ABC']);
});

it('cuts prefix and suffix and puts GS for its substitute', () => {
  const { scans, push } = framed({ prefix: '>', suffix: '#', gs_substitute: '{GS}' });
  push('>10AB{GS}21C#\r');
  expect(scans).toEqual(['10AB\u001d21C']);
});

it('cuts a suffix also where an end of line is part of it', () => {
  for (const [suffix, sent] of [
    ['#\t', 'A-1#\t'],
    ['#\r\n', 'A-1#\r\n'],
    ['\r', 'A-1\r'],
  ] as const) {
    const { scans, push } = framed({ suffix });
    push(sent);
    expect(scans).toEqual(['A-1']);
  }
});

it('reads UTF-8 in any cut, and not the mark that a file may begin with', () => {
  const { scans, push } = framed();
  for (const byte of Buffer.from('\ufeffΩ中😀\r')) push(Uint8Array.of(byte));
  expect(scans).toEqual(['Ω中😀']);
});

it('reads UTF-8, and Latin-1 where it is none', () => {
  const { scans, push } = framed();
  push('Ωmega 中\r');
  push(Uint8Array.from([0x47, 0xfc, 0x74, 0x0d]));
  expect(scans).toEqual(['Ωmega 中', 'Güt']);
});

it('drops a line longer than any symbol up to its end, and reads the next', () => {
  const { scans, overflow, push } = framed();
  push(`${'x'.repeat(maxLength)}\r${'y'.repeat(maxLength + 1)}\rA-1\r`);
  expect(overflow).toHaveBeenCalledOnce();
  expect(scans.map((text) => text.length)).toEqual([maxLength, 3]);
});

it('takes the same code at once for one scan, and another in between for a new one', () => {
  const { scans, push } = framed({ duplicate_window_ms: 60_000 });
  push('A\rA\rB\rA\r');
  expect(scans).toEqual(['A', 'B', 'A']);
});

it('ends a code by silence where the scanner sends no end', async () => {
  const { scans, push } = framed({ idle_timeout_ms: 20 });
  push('A-');
  push('1');
  expect(scans).toEqual([]);
  await vi.waitFor(() => expect(scans).toEqual(['A-1']));
});

it('forgets half a code when the line is cut', () => {
  const { framing, scans, push } = framed();
  push('A-');
  framing.reset();
  push('1\r');
  expect(scans).toEqual(['1']);
});

it('names every fault of its settings', () => {
  const result = deviceSettings.safeParse({ baud_rate: 1, parity: 'mark', nonsense: true });
  expect(result.error?.issues.map(({ path }) => path.join())).toEqual(
    expect.arrayContaining(['baud_rate', 'parity', '']),
  );
});
