/** Cells of CSV (RFC 4180). */

/** A spreadsheet would run a text that begins like a formula; an apostrophe keeps it text. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const plain = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const text =
    typeof value === 'string' && /^[=+\-@\t\r]/.test(plain) && !/^[+-]?\d+(\.\d+)?$/.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const line = (values: readonly unknown[]): string => `${values.map(cell).join(',')}\r\n`;
