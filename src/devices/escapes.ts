/** Characters that a command line cannot hold, as people write them: `\r`, `\n`, `\t`, `\\` and `\x07`. */
const letters: Record<string, string> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };

export const unescaped = (text: string): string =>
  text.replace(/\\(?:x([0-9a-f]{2})|([rnt\\]))/gi, (whole, hex: string | undefined, letter: string | undefined) =>
    hex === undefined ? (letters[letter!] ?? whole) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
