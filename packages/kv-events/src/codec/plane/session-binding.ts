// The topic `session_affinity_events`: a frontend bound a session to a worker, or used the binding again.
import { z } from "zod";
import { decodeMsgpack, encodeMsgpack } from "../msgpack/plain-msgpack.ts";
import { parseWire, wireU32, wireU64 } from "./wire-fields.ts";

export interface SessionBinding {
  readonly sessionId: string;
  readonly workerId: bigint;
  readonly dpRank: number;
  /** Version of the binding: grows like nanoseconds, the same for its whole life. */
  readonly sequence: bigint;
  readonly writerId: bigint;
}

const schema = z
  .object({
    session_id: z.string(),
    worker_id: wireU64,
    dp_rank: wireU32.default(0),
    sequence: wireU64,
    writer_id: wireU64,
  })
  .transform(
    (wire): SessionBinding => ({
      sessionId: wire.session_id,
      workerId: wire.worker_id,
      dpRank: wire.dp_rank,
      sequence: wire.sequence,
      writerId: wire.writer_id,
    }),
  );

/** MessagePack, a map with Dynamo's names. */
export function encodeSessionBinding(binding: SessionBinding): Buffer {
  return encodeMsgpack({
    session_id: binding.sessionId,
    worker_id: binding.workerId,
    dp_rank: binding.dpRank,
    sequence: binding.sequence,
    writer_id: binding.writerId,
  });
}

/** Throws a KvWireError. */
export function decodeSessionBinding(payload: Uint8Array): SessionBinding {
  return parseWire(schema, decodeMsgpack(payload), "A session binding");
}
