#!/usr/bin/env node
// Checks an exported history without Assetra and without a network: node verify.mjs [FOLDER] [--key PUBLIC-KEY.pem]
// Give --key a copy that you have had from before: the one in the bundle proves nothing against who made the bundle.
// Exit code: 0 nothing wrong, 1 a record is not what was written, 2 the bundle cannot be read.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);
const at = args.indexOf('--key');
const keyPath = at < 0 ? undefined : args.splice(at, 2)[1];
const folder = args[0] ?? dirname(fileURLToPath(import.meta.url));

const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const canonical = (value) =>
  JSON.stringify(
    Object.fromEntries(
      Object.keys(value)
        .sort()
        .map((name) => [name, value[name]]),
    ),
  );

async function main() {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const key = createPublicKey(readFileSync(keyPath ?? join(folder, 'audit.pub'), 'utf8'));
  const checkpoints = readCheckpoints(key);
  let faults = 0;
  for (const tenant of manifest.tenants) {
    const own = checkpoints.filter((line) => line.tenant === tenant.id);
    const fault = await faultOf(tenant, own);
    if (fault) faults += 1;
    const bare = own.length === 0 ? '; without checkpoints, so a cut end or a rewrite would not show' : '';
    console.log(`${tenant.slug}: ${fault ?? `${tenant.records} records, as they were written${bare}`}`);
  }
  return faults === 0 ? 0 : 1;
}

function readCheckpoints(key) {
  const path = join(folder, 'checkpoints.jsonl');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1).filter(Boolean);
  return lines.map((line) => {
    const { signature, ...rest } = JSON.parse(line);
    const text = Buffer.from(`assetra-checkpoint-1\n${canonical(rest)}`);
    return { ...rest, genuine: verify(null, text, key, Buffer.from(signature, 'base64')) };
  });
}

async function faultOf({ file, records }, checkpoints) {
  let standing = [];
  for (const checkpoint of checkpoints) {
    if (!checkpoint.genuine) return `the checkpoint of ${checkpoint.at} was not signed by this key`;
    if (checkpoint.kind === 'restore')
      standing = standing.filter(({ sequence: earlier }) => earlier <= checkpoint.sequence);
    standing.push(checkpoint);
  }
  let sequence = 0;
  let seal = '0'.repeat(64);
  const seals = new Map();
  for await (const line of createInterface({ input: createReadStream(join(folder, file)), crlfDelay: Infinity })) {
    const record = JSON.parse(line);
    if (record.sequence !== sequence + 1) return `record ${sequence + 1} of the chain is missing`;
    if (record.body === null) return `record ${record.id} was deleted`;
    if (sha256(record.body) !== record.checksum) return `record ${record.id} was changed`;
    const expected = sha256(`assetra-h1\n${seal}\n${record.sequence}\n${record.checksum}`);
    if (record.previous_seal !== seal || record.seal !== expected)
      return `record ${record.id} or its seal was replaced`;
    sequence = record.sequence;
    seal = record.seal;
    seals.set(sequence, seal);
  }
  if (sequence !== records) return `the end is cut off: ${records} records were exported, ${sequence} are here`;
  for (const checkpoint of standing.filter(({ sequence: signed }) => signed > 0)) {
    if (checkpoint.sequence > sequence)
      return `the end is cut off: at ${checkpoint.at} there were ${checkpoint.sequence} records`;
    if (seals.get(checkpoint.sequence) !== checkpoint.seal)
      return `written anew: at ${checkpoint.at} record ${checkpoint.sequence} had another seal`;
  }
  return undefined;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(`The bundle in ${folder} cannot be read: ${error.message}`);
    process.exitCode = 2;
  },
);
