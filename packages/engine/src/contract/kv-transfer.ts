// How an engine talks to what moves its KV: messages over a port, so that sockets and checksums run on another thread
// while this one computes. Bytes change hands by transfer, never by copy. @dyn/disagg implements the other side.
import type { ErrorRecord } from "@dyn/protocol";
import type { EngineDisaggregation } from "./disaggregation.ts";
import type { TokenLogprobs } from "./engine-output.ts";
import type { SamplerState } from "./generate-request.ts";
import type { KvLayout } from "./kv-store.ts";

/** What an engine needs to take part. Can be sent to the engine's thread; the port moves with it. */
export interface KvTransfer {
  readonly port: KvTransferPort;
  readonly info: EngineDisaggregation;
}

/** The part of a MessagePort that is used. */
export interface KvTransferPort {
  postMessage(message: MessageToKvTransfer, transfer?: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (message: MessageFromKvTransfer) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  close(): void;
}

/** Beside the KV, all that the decode side needs to go on. Plain JSON. */
export interface HandOver {
  /** Prompt tokens that the prefill side found in its cache. */
  readonly cachedTokens: number;
  readonly promptLogprobs: readonly (TokenLogprobs | null)[] | null;
  /** Per choice. */
  readonly choices: readonly {
    /** `null`: nothing was to be sampled. */
    readonly tokenId: number | null;
    readonly logprobs: readonly TokenLogprobs[] | null;
    /** After the token. */
    readonly samplerState: SamplerState;
  }[];
}

export type LeaseEnd = "acknowledged" | "cancelled" | "expired" | "failed";

/**
 * Rooms are opened by `offer` (prefill) and `fetch` (decode) and end with exactly one `closed`, after which nothing
 * comes for them; until then the other side may use the pages.
 */
export type MessageToKvTransfer =
  /** First of all. `computesCrc32c`: the engine takes checksums as it moves KV, and compares them itself. */
  | { readonly type: "layout"; readonly layout: KvLayout; readonly computesCrc32c: boolean }
  /** Prefill: KV of so many tokens will be there once the decode side has joined. */
  | { readonly type: "offer"; readonly room: bigint; readonly tokenCount: number }
  /** Prefill: there are tokens to send; a buffer is wanted. Answered by `buffer`, unless the room is closed before. */
  | { readonly type: "want"; readonly room: bigint }
  /** Prefill: tokens start .. start + count - 1, in order, in a buffer that was given. */
  | {
      readonly type: "run";
      readonly room: bigint;
      readonly start: number;
      readonly count: number;
      readonly bytes: ArrayBuffer;
      readonly sizeBytes: number;
      /** `null`: not known yet. */
      readonly crc32c: number | null;
    }
  /** Prefill: every run was sent. */
  | { readonly type: "handOver"; readonly room: bigint; readonly handOver: HandOver }
  /** Decode: pages for `tokenCount` tokens are there; the first `skipTokens` are cached and not wanted. */
  | {
      readonly type: "fetch";
      readonly room: bigint;
      readonly host: string;
      readonly port: number;
      readonly dpRank: number | null;
      readonly tokenCount: number;
      readonly skipTokens: number;
      /** For the pages. */
      readonly waitedMs: number;
    }
  /** Decode: the checksum of a run is not the one that came with it. The room is to fail. */
  | {
      readonly type: "damaged";
      readonly room: bigint;
      readonly start: number;
      readonly count: number;
    }
  /** Decode: all has arrived and is in its pages. */
  | { readonly type: "accept"; readonly room: bigint }
  | { readonly type: "cancel"; readonly room: bigint; readonly message: string }
  /** A buffer that is not needed any more: the KV in it was imported, or its room is gone. */
  | { readonly type: "returned"; readonly room: bigint; readonly bytes: ArrayBuffer };

export type MessageFromKvTransfer =
  /** Prefill: the decode side has its pages. */
  | { readonly type: "joined"; readonly room: bigint; readonly skipTokens: number }
  /** Prefill: for one run, of at most `sizeBytes`. */
  | {
      readonly type: "buffer";
      readonly room: bigint;
      readonly bytes: ArrayBuffer;
      readonly sizeBytes: number;
    }
  /** Decode: a run. The buffer is given back by `returned`. */
  | {
      readonly type: "run";
      readonly room: bigint;
      readonly start: number;
      readonly count: number;
      readonly bytes: ArrayBuffer;
      /** To be compared with that of the import; `null`: it is checked already. Only for who `computesCrc32c`. */
      readonly crc32c: number | null;
    }
  /** Decode: after the last run. */
  | { readonly type: "handOver"; readonly room: bigint; readonly handOver: HandOver }
  | {
      readonly type: "closed";
      readonly room: bigint;
      readonly end: LeaseEnd;
      /** Why, unless acknowledged. */
      readonly error: ErrorRecord | null;
      /** The two sides had met. */
      readonly hadJoined: boolean;
    };
