import { ConfigError } from '../../base/errors.ts';
import { newCode } from '../../base/ids.ts';
import type { GlobalFlags, Run } from '../command.ts';
import { table } from '../output.ts';
import { readPassword } from '../prompts.ts';
import { request, runSteps, type Variables } from './flow.ts';
import { steps } from './steps.ts';

interface Flags extends GlobalFlags {
  baseUrl?: string;
  username?: string;
  password?: string;
  passwordStdin?: boolean;
  tenantId?: string;
  keep?: boolean;
}

export const run: Run<Flags> = async ({ flags, out }) => {
  const variables = await variablesOf(flags);
  const outcomes = await runSteps(steps, variables);
  if (!flags.keep) await cleanUp(variables, (text) => out.note(text));
  const ok = outcomes.length === steps.length && outcomes.every((outcome) => outcome.ok);
  out.result({ ok, base_url: variables.baseUrl, steps: outcomes }, () => {
    const rows = outcomes.map(({ step, ok: passed, status, ms }) => [step, passed ? 'ok' : 'failed', status, ms]);
    const faults = outcomes.flatMap(({ step, fault }) => (fault ? [`${step}: ${fault}`] : []));
    const left = steps.length - outcomes.length;
    const untried = left > 0 ? [`${left} further ${left === 1 ? 'step was' : 'steps were'} not tried.`] : [];
    return [table(['STEP', 'RESULT', 'STATUS', 'MS'], rows), ...faults, ...untried].join('\n');
  });
  return ok ? undefined : 1;
};

async function variablesOf({ baseUrl, username, password, passwordStdin, tenantId }: Flags): Promise<Variables> {
  if (!baseUrl || !username || !tenantId) throw new ConfigError('Say --base-url, --username and --tenant-id.');
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol))
    throw new ConfigError(`--base-url wants an address such as http://127.0.0.1:8000, not "${baseUrl}".`);
  const { search, hash } = new URL(baseUrl);
  if (search || hash) throw new ConfigError(`--base-url is where the service is, without "${search}${hash}".`);
  return {
    baseUrl: baseUrl.replace(/\/+$/, '').replace(/\/api(\/v1)?$/, ''),
    username,
    password: password ?? (await readPassword({ passwordStdin, label: `Password of ${username}`, known: true })),
    tenantId,
    barcodeValue: `SMOKE-${newCode()}`,
  };
}

/** What the flow made goes again; its history stays. */
async function cleanUp(variables: Variables, note: (text: string) => void): Promise<void> {
  const made = [
    variables.assetId && `/api/v1/assets/${variables.assetId}/`,
    variables.webhookEndpointId && `/api/v1/webhooks/${variables.webhookEndpointId}/`,
  ];
  for (const path of made.filter((one) => typeof one === 'string' && one !== '')) {
    const answer = await request('DELETE', path as string, variables).catch(() => undefined);
    if (answer?.status !== 204)
      note(`${path} could not be deleted (${answer?.status ?? 'no answer'}). Delete it by hand.`);
  }
}
