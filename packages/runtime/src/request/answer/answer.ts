// The caller's view of one answer, whatever carries it: waits for its beginning, then for items, then has exactly one end.
import { CancelledError, type DynError } from "@dyn/protocol";
import type { Annotated } from "../request-plane.ts";

/** The way that an answer comes by. None of it is called after the end but `release`. */
export interface AnswerCarrier {
  /** All items so far have been read; together they weighed so much. */
  drained(weight: number): void;
  /** Asks the worker to finish. */
  stop(): void;
  /** When the worker was last heard of, by performance.now; absent: the carrier itself notices one that is gone. */
  readonly heardMs?: number;
  /** The answer has ended: regularly, by an error of the carrier, or because the caller gave up (`isKilled`). */
  release(isKilled: boolean): void;
}

interface Reader {
  readonly resolve: (result: IteratorResult<Annotated>) => void;
  readonly reject: (error: DynError) => void;
}

const done: IteratorResult<Annotated> = Object.freeze({ done: true, value: undefined });

export class Answer implements AsyncIterator<Annotated> {
  readonly #items: Annotated[] = [];
  readonly #readers: Reader[] = [];
  readonly #onBegin: () => void;
  readonly #onEnd: () => void;
  #carrier: AnswerCarrier | null = null;
  #state: "waiting" | "begun" | "ended" = "waiting";
  #weight = 0;
  #isStopping = false;
  #error: DynError | null = null;

  /** `onBegin`: the worker has taken the request. `onEnd`: nothing more arrives. */
  constructor(hooks: { readonly onBegin?: () => void; readonly onEnd?: () => void } = {}) {
    this.#onBegin = hooks.onBegin ?? (() => {});
    this.#onEnd = hooks.onEnd ?? (() => {});
  }

  get hasBegun(): boolean {
    return this.#state !== "waiting";
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Stop was asked for: items under way are still taken, and a bare end is a regular one. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** When the worker was last heard of, by performance.now; -Infinity: not known. */
  get heardMs(): number {
    return this.#carrier?.heardMs ?? Number.NEGATIVE_INFINITY;
  }

  get unreadCount(): number {
    return this.#items.length;
  }

  /** Of the items that wait to be read, and of those read since the last time that none waited. */
  get unreadWeight(): number {
    return this.#weight;
  }

  /** `false`: the answer is over, or comes another way already. */
  carriedBy(carrier: AnswerCarrier): boolean {
    if (this.isEnded || this.#carrier !== null) return false;
    this.#carrier = carrier;
    return true;
  }

  begin(): void {
    if (this.#state !== "waiting") return;
    this.#state = "begun";
    this.#onBegin();
  }

  push(item: Annotated, weight: number): void {
    if (this.isEnded) return;
    this.#weight += weight;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(item);
    else {
      reader.resolve({ done: false, value: item });
      this.#tellDrained();
    }
  }

  /** `null` = complete. Items that came before are still read. */
  end(error: DynError | null): void {
    this.#end(error, false);
  }

  /** Asks the worker to finish what it is at. */
  stop(): void {
    if (this.isEnded || this.#isStopping) return;
    this.#isStopping = true;
    if (this.#carrier === null) this.end(null);
    else this.#carrier.stop();
  }

  /** Ends the answer from here, with what waits unread; the worker is told to give up. */
  kill(error?: DynError): void {
    this.#items.length = 0;
    if (!this.isEnded) this.#end(error ?? new CancelledError(), true);
  }

  /** As `kill`, but items that came before are still read: what came behind them was wrong. */
  giveUp(error: DynError): void {
    this.#end(error, true);
  }

  next(): Promise<IteratorResult<Annotated>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      if (this.#items.length === 0) this.#tellDrained();
      return Promise.resolve({ done: false, value: item });
    }
    if (!this.isEnded) {
      return new Promise((resolve, reject) => void this.#readers.push({ resolve, reject }));
    }
    const error = this.#error;
    this.#error = null;
    return error === null ? Promise.resolve(done) : Promise.reject(error);
  }

  #tellDrained(): void {
    const weight = this.#weight;
    this.#weight = 0;
    if (!this.isEnded) this.#carrier?.drained(weight);
  }

  #end(error: DynError | null, isKilled: boolean): void {
    if (this.isEnded) return;
    this.#state = "ended";
    this.#error = error;
    this.#carrier?.release(isKilled);
    this.#onEnd();
    for (const reader of this.#readers.splice(0)) {
      const first = this.#error;
      this.#error = null;
      if (first === null) reader.resolve(done);
      else reader.reject(first);
    }
  }
}
