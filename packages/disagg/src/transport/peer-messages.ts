// Everything that two engines say to each other over a hand-over connection, checked before it is believed. Rooms are
// decimal strings: JSON has no 64-bit integers.
import type { HandOver } from "@dyn/engine";
import { type ErrorRecord, KvTerms } from "@dyn/protocol";
import { z } from "zod";
import { checksumNames } from "../checksum/checksums.ts";

/** Both sides must speak the same one. Of another one, only `hello`'s version and `refuse` are understood. */
export const protocolVersion = 1;

const count = z.number().int().min(0);
const atLeastOne = z.number().int().min(1);
const room = z.string().regex(/^\d{1,19}$/);

const segmentSchema = z.object({
  path: z.string(),
  /** 32 bytes in hex that stand at the segment's beginning: who reads them sees the same memory. */
  nonce: z.string(),
  slotBytes: atLeastOne,
  slotCount: atLeastOne.max(1024),
});

export type SharedSegment = z.infer<typeof segmentSchema>;

const decodeMessages = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    version: z.literal(protocolVersion),
    layout: KvTerms,
    transport: z.enum(["shm", "tcp", "auto"]),
    segment: segmentSchema.nullable(),
    /** Runs that may be on their way. */
    window: atLeastOne.max(1024),
    runBytes: atLeastOne,
    /** That it can check, the best one first. */
    checksums: z.array(z.string()).max(16).default(["crc32"]),
  }),
  z.object({ type: z.literal("otherVersion"), version: z.unknown() }),
  z.object({ type: z.literal("join"), room, tokenCount: atLeastOne, skipTokens: count }),
  /** A run was used up. `slot`: of the segment, free again; `null` over TCP. */
  z.object({ type: z.literal("credit"), slot: count.nullable() }),
  z.object({ type: z.literal("ack"), room }),
  z.object({ type: z.literal("abort"), room, message: z.string() }),
  z.object({ type: z.literal("ping") }),
]);

export type DecodeMessage = z.infer<typeof decodeMessages>;

/** A hello of another version may look different: who sent it is to be told so, not that it broke the protocol. */
export const decodeMessageSchema = z.preprocess((value) => {
  const { type, version } = (value ?? {}) as { type?: unknown; version?: unknown };
  return type === "hello" && version !== protocolVersion
    ? { type: "otherVersion", version }
    : value;
}, decodeMessages);

const errorRecord = z.custom<ErrorRecord>(
  (value) => typeof (value as ErrorRecord | null)?.message === "string",
);

export const prefillMessageSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("welcome"),
    transport: z.enum(["shm", "tcp"]),
    /** Why it is not shared memory. */
    whyTcp: z.string().nullable().default(null),
    checksum: z.enum(checksumNames).default("crc32"),
  }),
  /** The connection ends: these two engines cannot work together. */
  z.object({ type: z.literal("refuse"), error: errorRecord }),
  z.object({
    type: z.literal("run"),
    room,
    start: count,
    count: atLeastOne,
    sizeBytes: atLeastOne,
    /** Checksum of the bytes, by the algorithm that `welcome` names. */
    crc: count,
    /** Where in the segment the bytes are; `null` = they follow this message. */
    slot: count.nullable(),
  }),
  z.object({
    type: z.literal("handOver"),
    room,
    /** The engine looks at what is in it. */
    handOver: z.custom<HandOver>((value) => Array.isArray((value as HandOver | null)?.choices)),
  }),
  z.object({
    type: z.literal("abort"),
    room,
    end: z.enum(["cancelled", "expired", "failed"]),
    error: errorRecord,
  }),
  z.object({ type: z.literal("ping") }),
]);

export type PrefillMessage = z.infer<typeof prefillMessageSchema>;
