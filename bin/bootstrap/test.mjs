/** Runs the tests on every database that is there, and says which were. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDatabases } from './databases.mjs';
import { Failure } from './prepare.mjs';
import { root, runNode } from './process.mjs';

/** `args` go to vitest: a file, `-t NAME`. Answers vitest's exit code. */
export async function test(args) {
  const databases = await findDatabases();
  const missing = databases.filter(({ found }) => !found);
  console.log(coverageOf(databases));
  if (missing.length > 0 && process.env.ASSETRA_REQUIRE_DATABASES === '1') {
    throw new Failure(
      `ASSETRA_REQUIRE_DATABASES=1, and ${missing.map(({ title }) => title).join(' and ')} cannot be used.`,
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'assetra-test-'));
  const report = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const env = { ...process.env, ...environmentOf(databases) };
    const code = await runNode([vitest, 'run', ...reporters, ...args], { cwd: root, env });
    console.log(coverageOf(databases));
    if (existsSync(report)) console.log(tally(JSON.parse(readFileSync(report, 'utf8'))));
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function environmentOf(databases) {
  const usable = databases.filter(({ found }) => found);
  const urls = usable.filter(({ url }) => url).map(({ variable, url }) => [variable, url]);
  return { ASSETRA_TEST_DIALECTS: usable.map(({ dialect }) => dialect).join(','), ...Object.fromEntries(urls) };
}

function coverageOf(databases) {
  const lines = databases.map(({ title, found, reason, variable }) =>
    found ? `  ${title}: covered` : `  ${title}: skipped (${reason}); ${variable} names another server`,
  );
  return ['Databases:', ...lines].join('\n');
}

/** A file that fails before its tests are known counts as one that failed. */
function tally({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }) {
  const unread = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = numFailedTests + unread.length;
  const skipped = numPendingTests + numTodoTests;
  return `${numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
