import type { BlockIds } from "../block-ids.ts";
import type { BlockMedia } from "../media-object.ts";

/** What an engine says of its cache; an engine's own KvEvent fits as it is. */
export type EngineEvent = EngineStored | EngineRemoved | EngineCleared;

export interface EngineStored {
  readonly type: "stored";
  /** The engine's ids, opaque, signed on the wire; decoders give a BigInt64Array. */
  readonly blockHashes: BlockIds;
  /** The block before the first one; `null` at the root. */
  readonly parentBlockHash: bigint | null;
  /** Tokens of all blocks, in order. */
  readonly tokenIds: Uint32Array;
  /** Tokens of one block. */
  readonly blockSize: number;
  readonly medium?: string | null;
  readonly loraName?: string | null;
  readonly cacheSalt?: string | null;
  readonly sessionId?: string | null;
  readonly media?: BlockMedia | null;
  /** EAGLE: blocks reach one token into the next, so there is one token more. */
  readonly isEagle?: boolean;
  /** Hybrid models keep several caches: 0 or none is the one that prefixes are matched in. */
  readonly groupIndex?: number | null;
  readonly specKind?: string | null;
}

export interface EngineRemoved {
  readonly type: "removed";
  readonly blockHashes: BlockIds;
  readonly medium?: string | null;
  readonly groupIndex?: number | null;
}

export interface EngineCleared {
  readonly type: "cleared";
  readonly medium?: string | null;
}

export interface EngineBatch {
  /** Unix time in seconds. */
  readonly timestamp: number;
  readonly events: readonly EngineEvent[];
  /** `null`: the engine does not say. */
  readonly dpRank: number | null;
}
