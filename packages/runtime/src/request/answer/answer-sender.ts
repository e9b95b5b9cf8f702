import type { Annotated } from "../request-plane.ts";

/** The worker's end of one answer, whatever carries it. After the caller has gone everything is a no-op. */
export interface AnswerSender {
  /** Of the items so far, as they stand on the wire. */
  readonly sentBytes: number;
  /** The request was taken, or refused before any work; a refusal is the end. */
  prologue(error?: unknown): Promise<void>;
  /** A promise: wait for it before the next item, the caller or the way to it is slower than the worker. */
  item(item: Annotated): Promise<void> | undefined;
  /** The handler failed. */
  fail(error: unknown): Promise<void>;
  end(): Promise<void>;
  /** Without an end of the answer: after stop or kill, or when the process gives up. */
  destroy(): void;
}
