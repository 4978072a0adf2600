/** Whether the history is what was written: its chain, what was signed of it, and proof for others. */
export { linesOf } from './bundle.ts';
export type { BadRecord, Kind } from './chain.ts';
export {
  type Checkpoint,
  checkpointFile,
  isGenuine,
  openWitness,
  publicKeyOf,
  read as readCheckpoints,
  type Witness,
} from './checkpoints.ts';
export { checkpoint, noteRestore } from './signing.ts';
export { type Evidence, type Verdict, type VerifyOptions, verify } from './verify.ts';
