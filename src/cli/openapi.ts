import { writeFileSync } from 'node:fs';
import type { Run } from './command.ts';
import { unwritable } from './unwritable.ts';

export const run: Run<{ file?: string }> = async ({ flags, out }) => {
  const { openApiDocument } = await import('../http/openapi/document.ts');
  const { version } = await import('../http/docs.ts');
  const text = `${JSON.stringify(openApiDocument(version), null, 2)}\n`;
  if (!flags.file) {
    process.stdout.write(text);
    return undefined;
  }
  try {
    writeFileSync(flags.file, text);
  } catch (error) {
    throw unwritable(error, flags.file, '--file');
  }
  out.result({ file: flags.file }, () => `Wrote ${flags.file}.`);
  return undefined;
};
