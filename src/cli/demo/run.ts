import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../base/config.ts';
import { newSecret } from '../../base/ids.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { found } from '../init.ts';
import { type ServeFlags, serve } from '../serve.ts';
import { openDatabase, siteOf } from '../site.ts';

export const run: Run<ServeFlags & GlobalFlags> = async ({ flags, out }) => {
  const config = loadConfig(flags);
  const fresh = !existsSync(join(config.dir, 'assetra.env'));
  const password = fresh ? await make(config, flags) : undefined;
  await serve(config, flags, (address) => out.note(welcome(config, address, password)));
  return undefined;
};

/** A site with sample data; answers the made-up password of its admin. */
async function make(config: Config, flags: ServeFlags & GlobalFlags): Promise<string> {
  const password = newSecret(12);
  await found(
    { dir: config.dir, ...(flags.database !== undefined && { database: flags.database }) },
    {
      tenant: 'Sample Plant',
      slug: 'sample',
      admin: 'admin',
      password,
    },
  );
  const database = await openDatabase(config);
  try {
    const { sow } = await import('./sample.ts');
    const site = await siteOf(config, database);
    await sow(await site.inTenant('sample'));
  } finally {
    await database.close();
  }
  return password;
}

function welcome({ dir }: Config, address: string, password: string | undefined): string {
  const secret = password ?? '…';
  const run = `npm run assetra -- --dir ${dir}`;
  return [
    '',
    `Assetra runs at ${address}`,
    `  API docs     ${address}/api/docs/swagger/   ${address}/api/docs/redoc/`,
    `  Health       ${address}/health/`,
    password
      ? `  Log in       user admin, password ${password}   (shown this once)`
      : '  Log in       user admin, with the password shown when the site was made; forgotten: `… user passwd admin`',
    '',
    '  A token:',
    `    curl -s ${address}/api/v1/auth/token/ -H 'Content-Type: application/json' -d '{"username":"admin","password":"${secret}"}'`,
    '  Send a scan:',
    `    curl -s ${address}/api/v1/scan-events/ -H "Authorization: Bearer $TOKEN" -H 'X-Tenant-ID: sample' \\`,
    `      -H 'Content-Type: application/json' -d '{"raw_value":"DEMO-1"}'`,
    '  Print the sample labels:',
    `    ${run} batch print 1 --tenant sample --format pdf --sheet avery-5160 --out labels.pdf`,
    '  Stop with Ctrl-C; `npm start` goes on with the same data.',
    '',
  ].join('\n');
}
