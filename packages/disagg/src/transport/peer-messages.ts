// Everything that two engines say to each other over a hand-over connection. Rooms are decimal strings: JSON has no
// 64-bit integers.
import type { HandOver, KvLayout } from "@dyn/engine";
import type { ErrorRecord } from "@dyn/protocol";

/** Both sides must speak the same one. */
export const protocolVersion = 1;

export interface SharedSegment {
  readonly path: string;
  /** 32 bytes in hex that stand at the segment's beginning: who reads them sees the same memory. */
  readonly nonce: string;
  readonly slotBytes: number;
  readonly slotCount: number;
}

export type DecodeMessage =
  | {
      readonly type: "hello";
      readonly version: number;
      readonly layout: KvLayout;
      readonly transport: "shm" | "tcp" | "auto";
      readonly segment: SharedSegment | null;
      /** Runs that may be on their way. */
      readonly window: number;
      readonly runBytes: number;
    }
  | {
      readonly type: "join";
      readonly room: string;
      readonly tokenCount: number;
      readonly skipTokens: number;
    }
  /** A run was used up. `slot`: of the segment, free again; `null` over TCP. */
  | { readonly type: "credit"; readonly slot: number | null }
  | { readonly type: "ack"; readonly room: string }
  | { readonly type: "abort"; readonly room: string; readonly message: string }
  | { readonly type: "ping" };

export type PrefillMessage =
  | { readonly type: "welcome"; readonly transport: "shm" | "tcp" }
  /** The connection ends: these two engines cannot work together. */
  | { readonly type: "refuse"; readonly error: ErrorRecord }
  | {
      readonly type: "run";
      readonly room: string;
      readonly start: number;
      readonly count: number;
      readonly sizeBytes: number;
      /** CRC-32 of the bytes. */
      readonly crc: number;
      /** Where in the segment the bytes are; `null` = they follow this message. */
      readonly slot: number | null;
    }
  | { readonly type: "handOver"; readonly room: string; readonly handOver: HandOver }
  | {
      readonly type: "abort";
      readonly room: string;
      readonly end: "cancelled" | "expired" | "failed";
      readonly error: ErrorRecord;
    }
  | { readonly type: "ping" };
