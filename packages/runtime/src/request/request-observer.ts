// Who counts the requests that an endpoint answers.
import type { RequestContext } from "./request-context.ts";

export interface RequestEnd {
  /** What the handler, or the decoding of its request, threw; `null`: nothing. */
  readonly error: unknown;
  /** The caller stopped or killed it, or is gone. */
  readonly isCancelled: boolean;
  /** Of the answer's items as they stand on the wire; 0 in memory. */
  readonly sentBytes: number;
}

export interface RequestObserver {
  /** Taken; it may wait for its turn first. The result is called once. `receivedBytes`: of its body; 0 in memory. */
  begun(context: RequestContext, receivedBytes: number): (end: RequestEnd) => void;
}
