// What a router asks of a worker's local index, and what it is told: the bodies of `worker_kv_query_source_*`.
import { z } from "zod";
import { KvWireError } from "../kv-wire-error.ts";
import { MsgpackReader } from "../msgpack/msgpack-reader.ts";
import { MsgpackWriter } from "../msgpack/msgpack-writer.ts";
import { decodeMsgpack, encodeMsgpack } from "../msgpack/plain-msgpack.ts";
import { parseWire, wireU32, wireU64 } from "../plane/wire-fields.ts";
import { readRouterEvents } from "../router/decode-router-events.ts";
import { writeRouterEvents } from "../router/encode-router-events.ts";
import type { RouterEvent } from "../router/router-event.ts";

export interface KvQuery {
  readonly workerId: bigint;
  readonly dpRank: number;
  /** First event wanted; `null` = the whole tree. */
  readonly startEventId: number | null;
  /** Only checked against the start: answers run to the newest event. */
  readonly endEventId: number | null;
  readonly supportsTreeDumpFailed: boolean;
}

export type KvQueryAnswer = EventsAnswer | TreeDumpAnswer | ShortAnswer;

/** The events asked for. */
export interface EventsAnswer {
  readonly type: "events";
  readonly events: readonly RouterEvent[];
  /** The newest id there is; the asker goes on behind it. */
  readonly lastEventId: number;
}

/** Everything the worker holds, in place of what the asker has of it. */
export interface TreeDumpAnswer {
  readonly type: "treeDump";
  readonly events: readonly RouterEvent[];
  readonly lastEventId: number;
}

type ShortAnswer =
  | {
      readonly type: "tooNew";
      readonly requestedStart: number;
      readonly requestedEnd: number;
      readonly newestAvailable: number;
    }
  | { readonly type: "invalidRange"; readonly startId: number; readonly endId: number }
  | { readonly type: "treeDumpFailed"; readonly lastEventId: number; readonly message: string }
  | { readonly type: "error"; readonly message: string };

const eventId = z.int().min(0).nullable().default(null);
const querySchema = z
  .object({
    worker_id: wireU64,
    dp_rank: wireU32,
    start_event_id: eventId,
    end_event_id: eventId,
    supports_tree_dump_failed: z.boolean().default(false),
    kind: z.literal("recovery").default("recovery"),
  })
  .transform(
    (wire): KvQuery => ({
      workerId: wire.worker_id,
      dpRank: wire.dp_rank,
      startEventId: wire.start_event_id,
      endEventId: wire.end_event_id,
      supportsTreeDumpFailed: wire.supports_tree_dump_failed,
    }),
  );

export function encodeKvQuery(query: KvQuery): Buffer {
  return encodeMsgpack({
    worker_id: query.workerId,
    dp_rank: query.dpRank,
    start_event_id: query.startEventId,
    end_event_id: query.endEventId,
    supports_tree_dump_failed: query.supportsTreeDumpFailed,
    kind: "recovery",
  });
}

/** Throws a KvWireError: answer it with `{type: "error"}`, so that nobody waits. */
export function decodeKvQuery(body: Uint8Array): KvQuery {
  return parseWire(querySchema, decodeMsgpack(body), "A KV query");
}

export function encodeKvQueryAnswer(answer: KvQueryAnswer): Buffer {
  if (answer.type !== "events" && answer.type !== "treeDump") {
    return encodeMsgpack(shortAnswerToWire(answer));
  }
  const isDump = answer.type === "treeDump";
  const to = new MsgpackWriter(4096);
  to.mapHead(1);
  to.string(isDump ? "TreeDump" : "Events");
  to.mapHead(isDump ? 3 : 2);
  to.string("events");
  writeRouterEvents(to, answer.events);
  to.string("last_event_id");
  to.integer(answer.lastEventId);
  if (isDump) {
    to.string("reset_scope");
    to.string("all");
  }
  return to.finish();
}

function shortAnswerToWire(answer: ShortAnswer) {
  switch (answer.type) {
    case "tooNew":
      return {
        TooNew: {
          requested_start: answer.requestedStart,
          requested_end: answer.requestedEnd,
          newest_available: answer.newestAvailable,
        },
      };
    case "invalidRange":
      return { InvalidRange: { start_id: answer.startId, end_id: answer.endId } };
    case "treeDumpFailed":
      return { TreeDumpFailed: { last_event_id: answer.lastEventId, message: answer.message } };
    case "error":
      return { Error: answer.message };
  }
}

const shortAnswer = z.union([
  z
    .object({
      TooNew: z.object({
        requested_start: z.int(),
        requested_end: z.int(),
        newest_available: z.int(),
      }),
    })
    .transform(
      ({ TooNew: wire }): ShortAnswer => ({
        type: "tooNew",
        requestedStart: wire.requested_start,
        requestedEnd: wire.requested_end,
        newestAvailable: wire.newest_available,
      }),
    ),
  z.object({ InvalidRange: z.object({ start_id: z.int(), end_id: z.int() }) }).transform(
    ({ InvalidRange: wire }): ShortAnswer => ({
      type: "invalidRange",
      startId: wire.start_id,
      endId: wire.end_id,
    }),
  ),
  z.object({ TreeDumpFailed: z.object({ last_event_id: z.int(), message: z.string() }) }).transform(
    ({ TreeDumpFailed: wire }): ShortAnswer => ({
      type: "treeDumpFailed",
      lastEventId: wire.last_event_id,
      message: wire.message,
    }),
  ),
  z
    .object({ Error: z.string() })
    .transform(({ Error: message }): ShortAnswer => ({ type: "error", message })),
]);

/** Throws a KvWireError. */
export function decodeKvQueryAnswer(body: Uint8Array): KvQueryAnswer {
  const from = new MsgpackReader(body);
  if (from.mapLength() !== 1) throw new KvWireError("A KV query's answer has one key.");
  const name = from.string();
  if (name !== "Events" && name !== "TreeDump") {
    return parseWire(shortAnswer, { [name]: from.value() }, "A KV query's answer");
  }
  let events: RouterEvent[] | undefined;
  let lastEventId: number | undefined;
  for (let keys = from.mapLength(); keys > 0; keys--) {
    const key = from.string();
    if (key === "events") events = readRouterEvents(from);
    else if (key === "last_event_id") lastEventId = from.safeInteger();
    else from.skip();
  }
  if (events === undefined || lastEventId === undefined) {
    throw new KvWireError("A KV query's answer has events and last_event_id.");
  }
  return { type: name === "Events" ? "events" : "treeDump", events, lastEventId };
}
