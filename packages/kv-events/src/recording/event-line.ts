// One batch as a line of a recording: readable, with ids as decimal strings since JSON has no 64-bit integers.
import { z } from "zod";
import type { EngineBatch, EngineEvent } from "../codec/engine/engine-event.ts";
import { KvWireError } from "../codec/kv-wire-error.ts";

export interface RecordedBatch extends EngineBatch {
  readonly sequence: number;
}

const id = z.string().regex(/^-?\d+$/).transform(BigInt); // biome-ignore format: one line
const text = z.string().nullish();
const media = z.array(
  z.array(z.object({ mmHash: id, offsets: z.array(z.tuple([z.int(), z.int()])) })).nullable(),
);
const event = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("stored"),
    blockHashes: z.array(id),
    parentBlockHash: id.nullable(),
    tokenIds: z.array(z.int().min(0).max(0xffff_ffff)).transform((ids) => Uint32Array.from(ids)),
    blockSize: z.int(),
    medium: text,
    loraName: text,
    cacheSalt: text,
    sessionId: text,
    media: media.nullish(),
    isEagle: z.boolean().optional(),
    groupIndex: z.int().nullish(),
    specKind: text,
  }),
  z.object({
    type: z.literal("removed"),
    blockHashes: z.array(id),
    medium: text,
    groupIndex: z.int().nullish(),
  }),
  z.object({ type: z.literal("cleared"), medium: text }),
]);
const schema = z.object({
  sequence: z.int().min(0),
  timestamp: z.number(),
  dpRank: z.int().min(0).nullable(),
  events: z.array(event),
});

export function toEventLine(batch: RecordedBatch): string {
  const { sequence, timestamp, dpRank, events } = batch;
  return JSON.stringify({ sequence, timestamp, dpRank, events }, (_, value) => {
    if (typeof value === "bigint") return value.toString();
    return ArrayBuffer.isView(value) ? Array.from(value as Uint32Array) : value;
  });
}

/** Throws a KvWireError. */
export function parseEventLine(line: string): RecordedBatch {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new KvWireError("A line of a recording is no JSON.", cause);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const problem = z.prettifyError(parsed.error);
    throw new KvWireError(`A line of a recording is no batch: ${problem}`, parsed.error);
  }
  const { events, ...rest } = parsed.data;
  return { ...rest, events: events.map(withoutUndefined) };
}

function withoutUndefined(event: z.output<typeof schema>["events"][number]): EngineEvent {
  const entries = Object.entries(event).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as EngineEvent;
}
