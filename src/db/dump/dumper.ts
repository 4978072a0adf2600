/** What a dialect's way to dump and load must do. */
import type { DatabaseConfig } from '../../base/config.ts';
import { AppError } from '../../base/errors.ts';

/** Where a tenant's change sequence and its chain of seals stood. */
export interface HeadState {
  tenant: number;
  seq: number;
  seal_seq: number;
  seal_hash: string;
  epoch: string;
}

export interface Snapshot {
  /** Names of the migrations that were applied, oldest first. */
  migrations: string[];
  /** Those of the dump itself, or older: never ahead of it. */
  heads: HeadState[];
}

/** What a database holds before a restore; half a site counts as empty. */
export type Content = { kind: 'empty' | 'site' } | { kind: 'unreadable'; reason: string };

export interface Dumper {
  /** What the dump is called in a backup. */
  member: string;
  /** Throws where the database cannot be reached at all. */
  look(config: DatabaseConfig): Promise<Content>;
  /** Writes the whole database to `file`, in one state, while writers go on. */
  dump(config: DatabaseConfig, file: string, signal: AbortSignal): Promise<Snapshot>;
  /**
   * Puts a dump in the place of what is there, migrates it up and answers what that applied. Sync cursors and cached
   * permissions of before are void then. Throws LoadFailed. `file` may be changed; its folder is free for drafts.
   */
  load(config: DatabaseConfig, file: string, signal: AbortSignal): Promise<string[]>;
}

/** `kept` tells whether the database still holds what it held before. */
export class LoadFailed extends AppError {
  readonly kept: boolean;
  constructor(kept: boolean, cause: unknown) {
    super('restore', 500, cause instanceof Error ? cause.message : String(cause), { cause });
    this.kept = kept;
  }
}
