/** ZPL that a site wrote itself: only commands that draw. What would change or reset the printer is refused. */

/** Commands that draw a label or say how; everything else changes the printer, its memory or another job. */
const drawing = new Set(
  'A A@ B0 B1 B2 B3 B4 B5 B7 B8 B9 BA BB BC BD BE BF BI BJ BK BL BM BO BP BQ BR BS BT BU BX BY BZ CF CI FB FC FD FH FM FN FO FP FR FS FT FV FW FX GB GC GD GE GF GS LH LL LR LS LT MD MM MN MT PM PO PQ PR PW SF SN TB TO XG'.split(
    ' ',
  ),
);

/** Why the template may not be used, or undefined. */
export function zplFault(template: string): string | undefined {
  const body = bodyOf(template);
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(body)) return 'Control characters are not allowed.';
  if (body.includes('~')) return 'Commands with ~ act on the printer at once and are not allowed in a template.';
  if (/\^(XA|XZ)/i.test(body)) return 'Write one label: a single ^XA at its beginning and ^XZ at its end, or neither.';
  for (const [, two] of body.matchAll(/\^(.{0,2})/gs)) {
    const command = two!.toUpperCase();
    if (!drawing.has(command) && !(command.startsWith('A') && /^A[A-Z0-9@]$/.test(command)))
      return `^${two} is not allowed in a template. Only commands that draw are.`;
  }
  if (/\{\{/.test(body.replace(/\^F[DV][^^]*/gi, '')))
    return 'A {{placeholder}} may only stand in the data of a field, after ^FD.';
  return undefined;
}

/**
 * Without the ^XA and ^XZ around it, in one line: printers pass over the ends of lines, and to another server, whose address
 * was given as a printer's, a line of the template would be a command.
 */
export const bodyOf = (template: string): string =>
  template
    .trim()
    .replace(/^\^XA/i, '')
    .replace(/\^XZ$/i, '')
    .replace(/[\r\n]+/g, '')
    .trim();

/** Every field's data read as hexadecimal escapes, so that a value can be escaped wherever it stands. */
export const withEscapes = (body: string): string =>
  body.replace(/\^FH[^^]?(?=\^F[DV])/gi, '').replace(/\^(F[DV])/gi, '^FH_^$1');
