/** What a command says: its result on standard output (one JSON document with --json), all else on standard error. */
export interface Output {
  json: boolean;
  /** The command's result, once: `document` with --json, else the text for a reader. */
  result(document: unknown, text: () => string): void;
  /** A remark on the way. */
  note(text: string): void;
}

export function createOutput(json: boolean, streams: Pick<NodeJS.Process, 'stdout' | 'stderr'> = process): Output {
  return {
    json,
    result: (document, text) => {
      const shown = json ? JSON.stringify(document) : text();
      streams.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
    },
    note: (text) => {
      streams.stderr.write(`${text}\n`);
    },
  };
}

export type Cell = string | number | boolean | null | undefined;

/** Rows under their headings, columns aligned; numbers to the right. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return 'None.';
  const lines = [headings, ...rows.map((row) => row.map(cellText))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => displayWidth(line[column] ?? ''))));
  const right = headings.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  return lines
    .map((line) =>
      widths
        .map((width, column) => pad(line[column] ?? '', width, right[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return '–';
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
  // A name from the database must not move the cursor or colour the screen.
  return String(cell).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function pad(text: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(width - displayWidth(text));
  return right ? blanks + text : text + blanks;
}

const graphemes = new Intl.Segmenter();
// East Asian Wide and Fullwidth (Unicode UAX #11) by block, and what is drawn as a picture.
const wide =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|.\ufe0f)/u;

/** Columns of a terminal that the text takes. */
export function displayWidth(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  return [...graphemes.segment(text)].reduce((sum, { segment }) => sum + (wide.test(segment) ? 2 : 1), 0);
}
