import type { LeaseEnd } from "@dyn/engine";

/** What became of a room on this side of it. Plain data. */
export interface RoomRecord {
  readonly end: LeaseEnd;
  /** KV that was sent or came. */
  readonly sizeBytes: number;
  readonly runCount: number;
  /** From its opening until the two sides had met (prefill), or the other one was found and asked (decode); `null`: it never was. */
  readonly bootstrapMs: number | null;
  /** Until there was room: prefill, for the first run's buffer; decode, for the pages. `null`: nothing was to be put anywhere. */
  readonly allocationMs: number | null;
  /** From the first run until the decode side had everything; `null`: it never had. */
  readonly transferMs: number | null;
  /** A run came damaged, which ended it. */
  readonly isDamaged: boolean;
}
