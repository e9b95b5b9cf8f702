import type { FinishReason } from "../contract/engine-output.ts";
import type { HandOver } from "../contract/kv-transfer.ts";
import type { RequestGroup } from "../scheduler/request-group.ts";
import type { Sequence } from "../scheduler/sequence.ts";

/** What the two halves of a hand-over ask of the engine core. */
export interface HandOverHost {
  /** The decode side has joined: the request may be computed. Throws what refuses it. */
  schedule(group: RequestGroup): void;
  /** Says the first token of every choice, and ends them with `length`. */
  finishPrefill(group: RequestGroup, handOver: HandOver): void;
  /** The KV is in the pages: the choices go on behind their first tokens. */
  received(group: RequestGroup, handOver: HandOver): void;
  /** Ends every open choice. */
  end(group: RequestGroup, reason: FinishReason): void;
  /** The other side has left these pages; if their sequence is finished they are free. */
  endLease(sequence: Sequence): void;
  /** Something may be planned now that could not be before. */
  changed(): void;
}
