// The topic `active_sequences_events`: where requests run, said by routers to each other, and by workers when a prefill
// is done. Over ZMQ a message holds `{events: [...]}`, over NATS one bare event.
import { z } from "zod";
import { decodeMsgpack, encodeMsgpack } from "../msgpack/plain-msgpack.ts";
import { parseWire, wireCount, wireU32, wireU64 } from "./wire-fields.ts";

export interface ActiveSequenceEvent {
  readonly requestId: string;
  readonly workerId: bigint;
  readonly dpRank: number;
  readonly change:
    | SequenceAdded
    | { readonly type: "prefillCompleted" }
    | { readonly type: "freed" };
  /** Who says so: a router, or the worker itself. */
  readonly routerId: bigint;
  readonly loraName: string | null;
}

export interface SequenceAdded {
  readonly type: "added";
  /** Sequence hashes of the complete blocks. */
  readonly sequenceHashes: BigUint64Array;
  readonly trackPrefillTokens: boolean;
  readonly expectedOutputTokens: number | null;
  /** Tokens that nobody has cached; `null`: not said. */
  readonly uncachedTokens: number | null;
}

const change = z.union([
  z.literal("MarkPrefillCompleted").transform(() => ({ type: "prefillCompleted" as const })),
  z.literal("Free").transform(() => ({ type: "freed" as const })),
  z
    .object({
      AddRequest: z.object({
        token_sequence: z.array(wireU64),
        track_prefill_tokens: z.boolean().default(true),
        expected_output_tokens: wireCount,
        prefill_load_hint: z
          .object({ initial_effective_prefill_tokens: z.int().min(0) })
          .nullable()
          .default(null),
      }),
    })
    .transform(
      ({ AddRequest: added }): SequenceAdded => ({
        type: "added",
        sequenceHashes: BigUint64Array.from(added.token_sequence),
        trackPrefillTokens: added.track_prefill_tokens,
        expectedOutputTokens: added.expected_output_tokens,
        uncachedTokens: added.prefill_load_hint?.initial_effective_prefill_tokens ?? null,
      }),
    ),
]);

const event = z
  .object({
    request_id: z.string(),
    worker: z.object({ worker_id: wireU64, dp_rank: wireU32.default(0) }),
    data: change,
    router_id: wireU64,
    lora_name: z.string().nullable().default(null),
  })
  .transform(
    (wire): ActiveSequenceEvent => ({
      requestId: wire.request_id,
      workerId: wire.worker.worker_id,
      dpRank: wire.worker.dp_rank,
      change: wire.data,
      routerId: wire.router_id,
      loraName: wire.lora_name,
    }),
  );

const payloadSchema = z.union([
  z.object({ events: z.array(event) }).transform(({ events }) => events),
  event.transform((one) => [one]),
]);

/** `plane` decides the shape; over NATS each event is a message of its own. */
export function encodeActiveSequences(
  events: readonly ActiveSequenceEvent[],
  plane: "zmq" | "nats",
): Buffer[] {
  const wire = events.map(toWire);
  return plane === "zmq" ? [encodeMsgpack({ events: wire })] : wire.map(encodeMsgpack);
}

/** Takes both shapes. Throws a KvWireError. */
export function decodeActiveSequences(payload: Uint8Array): ActiveSequenceEvent[] {
  return parseWire(payloadSchema, decodeMsgpack(payload), "An active-sequence event");
}

function toWire({ requestId, workerId, dpRank, change, routerId, loraName }: ActiveSequenceEvent) {
  return {
    request_id: requestId,
    worker: { worker_id: workerId, dp_rank: dpRank },
    data: changeToWire(change),
    router_id: routerId,
    lora_name: loraName,
  };
}

function changeToWire(change: ActiveSequenceEvent["change"]) {
  if (change.type === "freed") return "Free";
  if (change.type === "prefillCompleted") return "MarkPrefillCompleted";
  return {
    AddRequest: {
      token_sequence: Array.from(change.sequenceHashes),
      track_prefill_tokens: change.trackPrefillTokens,
      expected_output_tokens: change.expectedOutputTokens,
      prefill_load_hint:
        change.uncachedTokens === null
          ? null
          : {
              initial_effective_prefill_tokens: change.uncachedTokens,
              expected_prefill_duration: null,
            },
    },
  };
}
