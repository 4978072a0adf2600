/** The daemon without change log and chain: what they cost is the difference. A process of its own, for benchmarks alone. */
import { loadConfig } from '../../src/base/config.ts';
import { serve } from '../../src/cli/serve.ts';
import { Transaction } from '../../src/db/transaction.ts';

Transaction.prototype.beforeCommit = () => undefined;

await serve(loadConfig({ dir: process.argv[2], port: 0 }), { devices: false });
