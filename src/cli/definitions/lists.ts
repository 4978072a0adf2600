/** Commands that take lists out. */
import type { Definition } from '../command.ts';

export const exportList: Definition = {
  usage: 'export [resource]',
  about: 'Write a list to a file: assets, locations, scans, or any other list of the API',
  args: { resource: 'the list, as below /api/v1/: assets (default), locations, asset-categories, assets/7/history …' },
  flags: [
    { spec: '--tenant <tenant>', about: 'id, slug or name of the tenant', required: true },
    { spec: '--out <file>', about: 'where to write; - is standard output (default: the name of the list)' },
    {
      spec: '--format <format>',
      about: 'csv, jsonl or xlsx (default: as the name of --out ends, else csv)',
      choices: ['csv', 'jsonl', 'xlsx'],
    },
    { spec: '--filter <filter...>', about: 'filters of the list, such as status=active current_location=3' },
    { spec: '--search <text>', about: 'rows that have this text' },
    { spec: '--ordering <field>', about: 'field to order by; -field is descending' },
    { spec: '--columns <fields>', about: 'fields to write, in this order, commas between', type: 'list' },
  ],
  examples: [
    'assetra export --tenant plant-1 --out assets.xlsx',
    'assetra export scan-events --tenant plant-1 --filter status=rejected --format jsonl --out -',
    'assetra export --tenant plant-1 --columns asset_tag,name,status --ordering asset_tag --out tags.csv',
  ],
  details: 'It reads the database itself: no daemon need run. The file appears whole or not at all.',
};
