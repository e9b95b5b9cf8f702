// The topic `kv_metrics`: sent on every change, for all ranks of a worker over one publisher.
import { z } from "zod";
import { decodeMsgpack, encodeMsgpack } from "../msgpack/plain-msgpack.ts";
import { parseWire, wireCount, wireU32, wireU64 } from "./wire-fields.ts";

export interface WorkerLoad {
  readonly workerId: bigint;
  readonly dpRank: number;
  /** `null` in any of these: the worker does not say. */
  readonly activeDecodeBlocks: number | null;
  readonly activePrefillTokens: number | null;
  readonly kvUsedBlocks: number | null;
}

const schema = z
  .object({
    worker_id: wireU64,
    dp_rank: wireU32.default(0),
    active_decode_blocks: wireCount,
    active_prefill_tokens: wireCount,
    kv_used_blocks: wireCount,
  })
  .transform(
    (wire): WorkerLoad => ({
      workerId: wire.worker_id,
      dpRank: wire.dp_rank,
      activeDecodeBlocks: wire.active_decode_blocks,
      activePrefillTokens: wire.active_prefill_tokens,
      kvUsedBlocks: wire.kv_used_blocks,
    }),
  );

/** MessagePack, a map with Dynamo's names. */
export function encodeWorkerLoad(load: WorkerLoad): Buffer {
  return encodeMsgpack({
    worker_id: load.workerId,
    dp_rank: load.dpRank,
    active_decode_blocks: load.activeDecodeBlocks,
    active_prefill_tokens: load.activePrefillTokens,
    kv_used_blocks: load.kvUsedBlocks,
  });
}

/** Throws a KvWireError. */
export function decodeWorkerLoad(payload: Uint8Array): WorkerLoad {
  return parseWire(schema, decodeMsgpack(payload), "A load report");
}
