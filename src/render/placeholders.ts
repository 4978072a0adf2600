/** `{{code}}`, `{{asset.name}}` and the like in templates. Checked when a template is made, filled for each label. */

/** What a label is made for. */
export interface LabelData {
  code: string;
  asset?: { [field: string]: unknown } | null;
  tenant?: { name: string; slug: string };
}

const known = /^(code|tenant\.(name|slug)|asset\.[a-z_]+|asset\.(custom_fields|metadata)\.[\w-]+)$/;

/** Why the template cannot be filled, or undefined. */
export function placeholderFault(template: string): string | undefined {
  const rest = template.replace(/\{\{\s*([^{}]*?)\s*\}\}/g, '');
  if (rest.includes('{{') || rest.includes('}}')) return 'A {{ or }} has no partner.';
  for (const [, path] of template.matchAll(/\{\{\s*([^{}]*?)\s*\}\}/g))
    if (!known.test(path!))
      return `Unknown placeholder {{${path}}}. Use {{code}}, {{asset.FIELD}}, {{asset.custom_fields.KEY}} or {{tenant.name}}.`;
  return undefined;
}

/** Literal text, or the steps of a path. */
type Piece = string | readonly string[];

const kept = 200;
const taken = new Map<string, readonly Piece[]>();

/** Taken apart once: a batch fills one template ten thousand times. */
function piecesOf(template: string): readonly Piece[] {
  const known = taken.get(template);
  if (known) return known;
  const pieces = template
    .split(/(\{\{[^{}]*\}\})/)
    .filter((piece) => piece !== '')
    .map((piece) => (piece.startsWith('{{') && piece.endsWith('}}') ? piece.slice(2, -2).trim().split('.') : piece));
  if (taken.size >= kept) taken.delete(taken.keys().next().value!);
  taken.set(template, pieces);
  return pieces;
}

/** The template with its values, each through `encode`. What the label has no value for is empty. */
export function fill(template: string, data: LabelData, encode?: (value: string) => string): string {
  let filled = '';
  for (const piece of piecesOf(template)) {
    if (typeof piece === 'string') filled += piece;
    else {
      const value = lookUp(data, piece);
      filled += encode ? encode(value) : value;
    }
  }
  return filled;
}

function lookUp(data: LabelData, path: readonly string[]): string {
  let value: unknown = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return '';
    value = (value as Record<string, unknown>)[step];
  }
  if (value === null || value === undefined || typeof value === 'object') return '';
  const text = String(value);
  return /[\u0000-\u001f\u007f]|^ | $/.test(text) ? text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim() : text;
}
