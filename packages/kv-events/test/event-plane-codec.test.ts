// Payloads of Dynamo 1.6.1's event plane and of its recovery queries, as recorded.

import {
  decodeActiveSequences,
  decodeKvQuery,
  decodeKvQueryAnswer,
  decodeMsgpack,
  decodeRouterEvents,
  decodeSessionBinding,
  decodeWorkerLoad,
  encodeActiveSequences,
  encodeKvQuery,
  encodeKvQueryAnswer,
  encodeMsgpack,
  encodeRouterEvents,
  encodeSessionBinding,
  encodeWorkerLoad,
  KvWireError,
  type RouterEvent,
} from "@dyn/kv-events";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, readDynamoRecording } from "./recording.ts";

interface Message {
  readonly frames_hex?: string[];
  readonly body_hex?: string;
  readonly envelope: { readonly topic: string };
}

/** Behind version and length of the fourth frame, or the body itself, an envelope holds the payload. */
function payloadOf({ frames_hex, body_hex }: Message): Uint8Array {
  const envelope = body_hex ? fromHex(body_hex) : fromHex(frames_hex![3]!).subarray(5);
  return (decodeMsgpack(envelope) as { payload: Uint8Array }).payload;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const messages = [
  "zmq-kv-events-engine",
  "zmq-kv-events-publisher-api",
  "zmq-kv-metrics",
  "zmq-active-sequences",
  "zmq-session-affinity",
  "nats-messages",
].flatMap((file) =>
  readDynamoRecording<Message[]>(file).map(
    (message, i) => [`${file} ${i}`, file.startsWith("nats") ? "nats" : "zmq", message] as const,
  ),
);

const recode: Record<string, (payload: Uint8Array, plane: "zmq" | "nats") => Uint8Array> = {
  "kv-events": (payload) => encodeRouterEvents(decodeRouterEvents(payload)),
  kv_metrics: (payload) => encodeWorkerLoad(decodeWorkerLoad(payload)),
  active_sequences_events: (payload, plane) =>
    encodeActiveSequences(decodeActiveSequences(payload), plane)[0]!,
  session_affinity_events: (payload) => encodeSessionBinding(decodeSessionBinding(payload)),
};

describe("recorded payloads", () => {
  const known = messages.filter(([, , { envelope }]) => envelope.topic in recode);
  it.each(known)("%s is written as it was read (%s)", (_, plane, message) => {
    const payload = payloadOf(message);
    expect(hex(recode[message.envelope.topic]!(payload, plane))).toBe(hex(payload));
  });

  it("are what the recorder read", () => {
    const [, , message] = known.find(([name]) => name === "zmq-kv-events-publisher-api 0")!;
    expect(decodeRouterEvents(payloadOf(message))).toEqual([
      {
        workerId: 5173969651589346950n,
        dpRank: 0,
        storageTier: "device",
        eventId: 1,
        data: {
          type: "stored",
          parentHash: null,
          startPosition: null,
          blockHashes: BigUint64Array.of(101n, 102n),
          tokensHashes: BigUint64Array.of(14643705804678351452n, 16777012769546811212n),
          media: null,
        },
      },
    ]);
  });
});

describe("router events", () => {
  const event: RouterEvent = {
    workerId: 5n,
    dpRank: 1,
    storageTier: "host_pinned",
    eventId: 3,
    data: {
      type: "stored",
      parentHash: 2n ** 64n - 1n,
      blockHashes: BigUint64Array.of(1n, 2n ** 64n - 1n),
      tokensHashes: BigUint64Array.of(3n, 4n),
      media: [null, [{ mmHash: 7n, offsets: [[0, 2]] }]],
      startPosition: null,
    },
    sessionId: "s",
  };

  it("survive the way there and back", () => {
    expect(decodeRouterEvents(encodeRouterEvents([event]))).toEqual([event]);
  });

  it("are written as @msgpack/msgpack writes them, whatever the size of their hashes", () => {
    const hash = fc.oneof(
      fc.bigInt({ min: 2n ** 32n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: 0n, max: 2n ** 34n }),
    );
    const shorten = (value: bigint) => (value < 2n ** 32n ? Number(value) : value);
    fc.assert(
      fc.property(fc.array(fc.tuple(hash, hash), { maxLength: 40 }), (pairs) => {
        const blockHashes = BigUint64Array.from(pairs, ([id]) => id);
        const tokensHashes = BigUint64Array.from(pairs, ([, local]) => local);
        const blocks = pairs.map(([id, local]) => ({
          block_hash: shorten(id),
          tokens_hash: shorten(local),
          mm_extra_info: null,
        }));
        const data = { stored: { parent_hash: null, start_position: null, blocks } };
        const wire = {
          worker_id: 5,
          storage_tier: "device",
          residency_domain: "worker",
          event: { event_id: 3, data, dp_rank: 1 },
        };
        const ours = encodeRouterEvents([
          {
            workerId: 5n,
            dpRank: 1,
            storageTier: "device",
            eventId: 3,
            data: { type: "stored", parentHash: null, blockHashes, tokensHashes },
          },
        ]);
        expect(hex(ours)).toBe(hex(encode([wire], { useBigInt64: true })));
      }),
    );
  });

  it("are read with their keys in any order, with unknown keys and without optional ones", () => {
    const wire = [
      {
        extra: [1, { a: 2 }],
        event: {
          data: { stored: { blocks: [{ more: 1, tokens_hash: 3, block_hash: 1 }], x: null } },
          event_id: 3,
        },
        worker_id: 5,
      },
    ];
    expect(decodeRouterEvents(encodeMsgpack(wire))).toMatchObject([
      { workerId: 5n, dpRank: 0, storageTier: "device", eventId: 3, data: { parentHash: null } },
    ]);
  });

  it.each([
    ["a bare map", { worker_id: 5 }],
    ["another tier", [{ worker_id: 5, storage_tier: "tape", event: { event_id: 1, data: "cleared" } }]], // biome-ignore format: one case a line
    ["no worker", [{ event: { event_id: 1, data: "cleared" } }]],
    ["no data", [{ worker_id: 5, event: { event_id: 1 } }]],
    ["an unknown event", [{ worker_id: 5, event: { event_id: 1, data: "moved" } }]],
    ["half a block", [{ worker_id: 5, event: { event_id: 1, data: { stored: { blocks: [{ block_hash: 1 }] } } } }]], // biome-ignore format: one case a line
  ])("%s is refused", (_, wire) => {
    expect(() => decodeRouterEvents(encodeMsgpack(wire))).toThrow(KvWireError);
  });
});

describe("recovery queries", () => {
  type Exchange = {
    readonly request: object;
    readonly response:
      | { readonly timeout: true }
      | { readonly body?: { readonly data?: object } }[];
  };
  const exchanges = Object.entries(
    readDynamoRecording<Record<string, Exchange>>("kv-query-exchanges"),
  );
  const queries = readDynamoRecording<{ body: object }[]>("router-recovery-queries");

  it.each(queries.map(({ body }, i) => [i, body] as const))(
    "%s is written as recorded",
    (_, body) => {
      const bytes = encodeMsgpack(body);
      expect(hex(encodeKvQuery(decodeKvQuery(bytes)))).toBe(hex(bytes));
    },
  );

  const answered = exchanges.flatMap(([name, { request, response }]) =>
    Array.isArray(response)
      ? response.flatMap(({ body }) => (body?.data ? [[name, request, body.data] as const] : []))
      : [],
  );
  it.each(answered)("%s: question and answer are read and written", (_, request, data) => {
    expect(decodeKvQuery(encodeMsgpack(request))).toMatchObject({ dpRank: expect.any(Number) });
    const bytes = encodeMsgpack(data);
    expect(hex(encodeKvQueryAnswer(decodeKvQueryAnswer(bytes)))).toBe(hex(bytes));
  });

  const unanswered = exchanges.filter(([, { response }]) => !Array.isArray(response));
  it.each(unanswered)(
    "%s, which Dynamo leaves without an answer, is refused in words",
    (_, { request }) => {
      expect(() => decodeKvQuery(encodeMsgpack(request))).toThrow(/A KV query cannot be read/);
    },
  );

  it("an answer's bytes are those of the recorded connection", () => {
    const raw = readDynamoRecording<{ response_leg_bytes_hex: string }>("kv-query-raw-bytes");
    const begin = raw.response_leg_bytes_hex.indexOf("81a64576656e7473");
    const end = raw.response_leg_bytes_hex.indexOf("ae636f6d706c6574655f66696e616c", begin);
    const bytes = fromHex(raw.response_leg_bytes_hex.slice(begin, end));
    const answer = decodeKvQueryAnswer(bytes);
    expect(answer).toMatchObject({ type: "events", lastEventId: 7 });
    expect(hex(encodeKvQueryAnswer(answer))).toBe(hex(bytes));
  });
});
