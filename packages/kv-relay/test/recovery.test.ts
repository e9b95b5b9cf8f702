// Questions that were put to a real Dynamo 1.6.1 worker, and its answers.
import { decodeMsgpack, decodeRouterEvents, encodeMsgpack } from "@dyn/kv-events";
import { RequestContext } from "@dyn/runtime";
import { describe, expect, it } from "vitest";
import { LocalIndex } from "../src/recovery/local-index.ts";
import { createQueryHandler } from "../src/recovery/query-handler.ts";
import { readDynamoRecording } from "./oracle/read-recording.ts";

type Answer = Record<string, { events?: { event: { event_id: number } }[] } | string>;
interface Exchange {
  readonly request: unknown;
  readonly response: { body?: { data?: Answer } }[] | { timeout: true };
}

const exchanges = readDynamoRecording<Record<string, Exchange>>("kv-query-exchanges");
const workerId = 5173969651589346950n;

function answerOf({ response }: Exchange): Answer | null {
  if (!Array.isArray(response)) return null;
  return response.find(({ body }) => body?.data)?.body?.data ?? null;
}

/** In the state in which the recorded worker was: it had told these seven events. */
function createIndex(): LocalIndex {
  const { events } = answerOf(exchanges.from_1!)!.Events as { events: unknown[] };
  const index = new LocalIndex({ workerId, dpRank: 0, maxBytes: 2 ** 24 });
  for (const event of decodeRouterEvents(encodeMsgpack(events))) index.apply(event);
  return index;
}

async function ask(index: LocalIndex, request: unknown): Promise<unknown> {
  const items: unknown[] = [];
  const handler = createQueryHandler(index);
  for await (const { data } of handler(request, new RequestContext())) items.push(data?.decode());
  expect(items).toHaveLength(1);
  return items[0];
}

describe("a worker's local index", () => {
  const index = createIndex();
  const readable = Object.entries(exchanges).filter(
    ([name, exchange]) => answerOf(exchange) !== null && name !== "status",
  );
  it.each(readable)("%s is answered as there", async (_, exchange) => {
    const theirs = answerOf(exchange)!;
    const ours = await ask(index, exchange.request);
    if ("Error" in theirs) {
      expect(ours).toEqual({ Error: expect.stringContaining(String(workerId)) });
      return;
    }
    if (!("TreeDump" in theirs)) {
      expect(ours).toEqual(theirs);
      return;
    }
    // Roots come in any order, and ids follow from it.
    expect(sortDump(ours as Answer)).toEqual(sortDump(theirs));
  });

  it.each(["missing_worker", "bad_kind"])(
    "%s waits for ever there and is told here",
    async (name) => {
      const answer = await ask(index, exchanges[name]!.request);
      expect(answer).toEqual({ Error: expect.stringContaining("cannot be read") });
    },
  );

  it("keeps the last 1,024 events; what is older is a dump", async () => {
    const index = new LocalIndex({ workerId, dpRank: 0, maxBytes: 2 ** 24 });
    const empty = await ask(index, { worker_id: workerId, dp_rank: 0 });
    expect(empty).toEqual({ TreeDump: { events: [], last_event_id: 0, reset_scope: "all" } });
    for (let eventId = 1; eventId <= 1500; eventId++) {
      const blockHashes = BigUint64Array.of(BigInt(eventId));
      const data = {
        type: "stored",
        parentHash: null,
        blockHashes,
        tokensHashes: blockHashes,
      } as const;
      index.apply({ workerId, dpRank: 0, storageTier: "device", eventId, data });
    }
    const from = (start: number) =>
      ask(index, { worker_id: workerId, dp_rank: 0, start_event_id: start, end_event_id: null });
    const kept = (await from(477)) as { Events: { events: { event: { event_id: number } }[] } };
    expect(kept.Events.events).toHaveLength(1024);
    expect(kept.Events.events[0]!.event.event_id).toBe(477);
    expect(await from(476)).toMatchObject({ TreeDump: { last_event_id: 1500 } });
    expect(await from(1501)).toEqual({
      TooNew: { requested_start: 1501, requested_end: 1500, newest_available: 1500 },
    });
  });
});

function sortDump(answer: Answer): unknown {
  const dump = answer.TreeDump as { events: { event: { event_id: number } }[] };
  const events = dump.events
    .map((event) => ({ ...event, event: { ...event.event, event_id: 0 } }))
    .map((event) => Buffer.from(encodeMsgpack(event)).toString("hex"))
    .sort()
    .map((hex) => decodeMsgpack(Buffer.from(hex, "hex")));
  return { ...dump, events };
}
