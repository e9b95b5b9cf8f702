// The outputs of one request on their way to its consumer. A slow consumer costs bounded memory:
// what it has not taken is joined into one output per choice, so at most all its tokens wait.
import type { FinishReason, GenerateOutput, TokenLogprobs } from "../contract/engine-output.ts";

interface PendingOutput {
  latest: GenerateOutput;
  readonly tokenIds: number[];
  readonly logprobs: TokenLogprobs[] | null;
  readonly promptLogprobs: GenerateOutput["promptLogprobs"];
  readonly timing: GenerateOutput["timing"];
  finish: FinishReason | null;
}

interface Waiter {
  resolve(result: IteratorResult<GenerateOutput, undefined>): void;
  reject(error: unknown): void;
}

const ended: IteratorResult<GenerateOutput, undefined> = { done: true, value: undefined };

export class RequestStream implements AsyncIterableIterator<GenerateOutput, undefined> {
  /** At most one per choice, in order of their oldest token. */
  readonly #pending = new Map<number, PendingOutput>();
  /** Calls of next() that were made before their output. */
  readonly #waiters: Waiter[] = [];
  readonly #onLeave: () => void;
  readonly #onEnd: () => void;
  #openChoices: number;
  #error: { readonly error: unknown } | null = null;
  #hasFailed = false;
  #hasLeft = false;

  constructor(options: {
    choiceCount: number;
    /** The consumer went before the end. */
    onLeave: () => void;
    /** No output will be taken any more, for whatever reason. Called once. */
    onEnd: () => void;
  }) {
    this.#openChoices = options.choiceCount;
    this.#onLeave = options.onLeave;
    this.#onEnd = options.onEnd;
  }

  /** No output will follow. */
  get isComplete(): boolean {
    return this.#hasFailed || this.#hasLeft || this.#openChoices === 0;
  }

  push(output: GenerateOutput): void {
    if (this.isComplete) return;
    if (output.finish !== null) this.#openChoices--;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#join(output);
    else waiter.resolve({ done: false, value: output });
    if (this.#openChoices === 0) this.#end();
  }

  /** Outputs that are pending are still given, then the error. */
  fail(error: unknown): void {
    if (this.isComplete) return;
    this.#hasFailed = true;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#error = { error };
    else waiter.reject(error);
    this.#end();
  }

  next(): Promise<IteratorResult<GenerateOutput, undefined>> {
    for (const [index, pending] of this.#pending) {
      this.#pending.delete(index);
      return Promise.resolve({ done: false, value: pendingToOutput(pending) });
    }
    if (this.#error !== null) {
      const { error } = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (this.isComplete) return Promise.resolve(ended);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<GenerateOutput, undefined>> {
    const wasComplete = this.isComplete;
    this.#hasLeft = true;
    this.#pending.clear();
    this.#error = null;
    if (!wasComplete) {
      this.#end();
      this.#onLeave();
    }
    return Promise.resolve(ended);
  }

  async throw(error: unknown): Promise<IteratorResult<GenerateOutput, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #join(output: GenerateOutput): void {
    const pending = this.#pending.get(output.index);
    if (pending === undefined) {
      this.#pending.set(output.index, {
        latest: output,
        tokenIds: [...output.tokenIds],
        logprobs: output.logprobs === null ? null : [...output.logprobs],
        promptLogprobs: output.promptLogprobs,
        timing: output.timing,
        finish: output.finish,
      });
      return;
    }
    pending.latest = output;
    for (const id of output.tokenIds) pending.tokenIds.push(id);
    for (const entry of output.logprobs ?? []) pending.logprobs?.push(entry);
    pending.finish = output.finish;
  }

  #end(): void {
    this.#onEnd();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(ended);
  }
}

function pendingToOutput(pending: PendingOutput): GenerateOutput {
  const { latest, tokenIds, logprobs, promptLogprobs, finish, timing } = pending;
  return { ...latest, tokenIds, logprobs, promptLogprobs, finish, ...(timing && { timing }) };
}
