// What Dynamo 1.6.1's relay made of each engine batch, and where we differ on purpose.
import {
  createBlockHasher,
  decodeEngineBatch,
  decodeMsgpack,
  encodeRouterEvents,
  KvWireError,
  toRouterEvents,
} from "@dyn/kv-events";
import { describe, expect, it } from "vitest";
import { fromHex, readDynamoRecording } from "./recording.ts";

interface Case {
  readonly case: string;
  readonly frames_hex: string[] | string;
  readonly relayed_events: readonly { readonly event: { readonly event_id: number } }[];
}

const workerId = 5173969651589346950n;
const hasher = createBlockHasher();

function relay(payload: Uint8Array) {
  const problems: string[] = [];
  const events = toRouterEvents(decodeEngineBatch(payload), {
    workerId,
    dpRank: 0,
    blockSize: 4,
    hasher,
    onProblem: (message) => problems.push(message),
  });
  return { events, problems };
}

/** Dynamo drops a whole batch for these; we read what can be read. */
const readHere: Readonly<Record<string, number>> = {
  "stored_min5 (no lora_id, no medium)": 1,
  stored_lora_id_nil: 1,
  "unknown tag in batch with good": 1,
  "bytes hash": 1,
  "batch of 4 elements": 1,
  "2-elem batch": 1,
};

const cases = readDynamoRecording<Case[]>("engine-relay-cases").filter(
  ({ frames_hex }) =>
    Array.isArray(frames_hex) && frames_hex.length === 3 && frames_hex[1]!.length === 16,
);

describe("relayed batches", () => {
  const same = cases.filter(({ case: name }) => !(name in readHere) && name !== "dp_rank negative");
  it.each(same.map((entry) => [entry.case, entry] as const))(
    "%s",
    (_, { frames_hex, relayed_events }) => {
      const payload = fromHex(frames_hex[2]!);
      if (relayed_events.length === 0) {
        // An odd event, or an odd batch: nothing comes of it either way.
        const events = (() => {
          try {
            return relay(payload).events;
          } catch (error) {
            expect(error).toBeInstanceOf(KvWireError);
            return [];
          }
        })();
        expect(events).toEqual([]);
        return;
      }
      const { events } = relay(payload);
      const firstId = relayed_events[0]!.event.event_id;
      const numbered = events.map((event, i) => ({ ...event, eventId: firstId + i }));
      expect(decodeMsgpack(encodeRouterEvents(numbered))).toEqual(relayed_events);
    },
  );

  it.each(Object.entries(readHere))("%s is dropped there and read here", (name, count) => {
    const { frames_hex, relayed_events } = cases.find((entry) => entry.case === name)!;
    expect(relayed_events).toEqual([]);
    expect(relay(fromHex(frames_hex[2]!)).events).toHaveLength(count);
  });

  it("a negative rank is taken for none", () => {
    const { frames_hex } = cases.find((entry) => entry.case === "dp_rank negative")!;
    expect(relay(fromHex(frames_hex[2]!)).events).toMatchObject([{ dpRank: 0 }]);
  });

  it("200 chained blocks of their own events make one of 128 and one of 72", () => {
    const events = Array.from({ length: 200 }, (_, i) => ({
      type: "stored" as const,
      blockHashes: [BigInt(1000 + i)],
      parentBlockHash: i === 0 ? null : BigInt(999 + i),
      tokenIds: Uint32Array.of(i, i, i, i),
      blockSize: 4,
    }));
    const relayed = toRouterEvents(
      { timestamp: 1, events, dpRank: null },
      { workerId, dpRank: 0, blockSize: 4, hasher },
    );
    expect(
      relayed.map(
        ({ data }) => data.type === "stored" && [data.parentHash, data.blockHashes.length],
      ),
    ).toEqual([
      [null, 128],
      [1127n, 72],
    ]);
  });

  it("another block size, too few tokens and ids twice are told", () => {
    const told = cases
      .filter(({ case: name }) =>
        /wrong block size|3 tokens|2 hashes|self parent|dup hash in list/.test(name),
      )
      .map(({ frames_hex }) => relay(fromHex(frames_hex[2]!)).problems.length);
    expect(told).toEqual([1, 1, 1, 1, 1]);
  });
});
