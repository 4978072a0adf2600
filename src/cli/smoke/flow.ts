/** Runs the steps against a service, one after the other, until one fails. */
import { randomUUID } from 'node:crypto';
import type { Step, Variable } from './steps.ts';

export type Variables = Partial<Record<Variable, string>>;

export interface Outcome {
  step: string;
  ok: boolean;
  /** 0 when there was no answer. */
  status: number;
  ms: number;
  /** What was wrong, as a sentence. */
  fault: string | null;
}

/** Longest wait for an answer, in ms. */
const patience = 15_000;

/** Fills `variables` in on the way. A step after a failed one is not tried. */
export async function runSteps(steps: readonly Step[], variables: Variables): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const step of steps) {
    const outcome = await runStep(step, variables);
    outcomes.push(outcome);
    if (!outcome.ok) break;
  }
  return outcomes;
}

async function runStep(step: Step, variables: Variables): Promise<Outcome> {
  const started = performance.now();
  const done = (status: number, fault: string | null): Outcome => ({
    step: step.name,
    ok: fault === null,
    status,
    ms: Math.round(performance.now() - started),
    fault,
  });
  let answer: Response;
  let text: string;
  try {
    answer = await request(step.method, step.path, variables, step.body);
    text = await answer.text();
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    return done(0, `No answer from ${variables.baseUrl}: ${cause?.message || message}.`);
  }
  if (answer.status !== step.status)
    return done(answer.status, [refusal(step, answer, text), advice(answer, variables)].filter(Boolean).join(' '));
  return done(answer.status, check(step, text, variables));
}

const refusal = (step: Step, { status }: Response, text: string): string =>
  `Answered ${status} instead of ${step.status}${text ? `: ${text.slice(0, 300)}` : '.'}`;

/** What to look at, where the status tells. */
function advice({ status, headers }: Response, { baseUrl, username, tenantId, accessToken }: Variables): string {
  if (status >= 300 && status < 400) return `It points to ${headers.get('Location')}: is that where the service is?`;
  if (status === 401 && !accessToken) return `Check the name ${username} and the password.`;
  if (status === 403) return `Is ${username} a member of tenant ${tenantId}, with a role that writes?`;
  return status === 404 && !accessToken ? `Is the service at ${baseUrl}?` : '';
}

/** A call of the flow, with token and tenant as far as they are known. */
export function request(method: string, path: string, variables: Variables, body?: object): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (variables.accessToken) headers.Authorization = `Bearer ${variables.accessToken}`;
  if (variables.tenantId) headers['X-Tenant-ID'] = variables.tenantId;
  if (body) headers['Content-Type'] = 'application/json';
  return fetch(variables.baseUrl + filled(path, variables, encodeURIComponent), {
    method,
    headers,
    // Followed, a POST would become a GET.
    redirect: 'manual',
    signal: AbortSignal.timeout(patience),
    ...(body && { body: JSON.stringify(bodyOf(body, variables)) }),
  });
}

/** What is wrong with the answer, or null; keeps what later steps need. */
function check(step: Step, text: string, variables: Variables): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return `The answer is no JSON: ${text.slice(0, 300)}`;
  }
  for (const [path, wanted] of Object.entries(step.expect)) {
    const found = valueAt(body, path);
    const expected = filled(wanted, variables);
    if (wanted === '*' ? found == null : String(found) !== expected)
      return `The answer has ${path}: ${JSON.stringify(found)}${wanted === '*' ? '' : `, and ${expected} was expected`}.`;
  }
  for (const [variable, path] of Object.entries(step.keep ?? {}))
    variables[variable as Variable] = String(valueAt(body, path));
  return null;
}

const valueAt = (body: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], body);

const filled = (text: string, variables: Variables, encode = (value: string) => value): string =>
  text
    .replaceAll('{{$guid}}', () => randomUUID())
    .replaceAll(/\{\{(\w+)\}\}/g, (_, name) => encode(variables[name as Variable] ?? ''));

const bodyOf = (body: object, variables: Variables): unknown =>
  JSON.parse(JSON.stringify(body), (_, value) => {
    if (typeof value !== 'string') return value;
    const text = filled(value, variables);
    return /^\{\{\w+Id\}\}$/.test(value) && /^\d+$/.test(text) ? Number(text) : text;
  });
