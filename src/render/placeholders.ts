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

/** The template with its values, each through `encode`. What the label has no value for is empty. */
export const fill = (template: string, data: LabelData, encode: (value: string) => string = (value) => value): string =>
  template.replace(/\{\{\s*([^{}]*?)\s*\}\}/g, (_, path: string) => encode(lookUp(data, path)));

function lookUp(data: LabelData, path: string): string {
  let value: unknown = data;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return '';
    value = (value as Record<string, unknown>)[step];
  }
  if (value === null || value === undefined || typeof value === 'object') return '';
  return String(value)
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .trim();
}
