// The caller's half of one request that is answered by a call home, whatever carries the request itself.
// The subject is expected before the request is sent: the worker may call before it acknowledges.
import { randomUUID } from "node:crypto";
import { DeadlineExceededError, DynError, InternalError } from "@dyn/protocol";
import type { PayloadCodec } from "../../codec/payload-codec.ts";
import { Answer } from "../answer/answer.ts";
import { brokenAnswer } from "../answer/broken-answer.ts";
import { LazyStream } from "../answer/lazy-stream.ts";
import type { CancelKind, RequestContext } from "../request-context.ts";
import { type Annotated, leaseExpired } from "../request-plane.ts";
import type { CallHomeServer } from "./call-home-server.ts";
import { RequestFeed } from "./request-stream.ts";

export interface CallSubjects {
  readonly response: string;
  /** `null`: the request has a body and no stream of items. */
  readonly request: string | null;
}

/** What carried the request. A worker whose end of it goes has most likely gone with all that it had not begun. */
export interface RequestCarrier {
  /** Called once, at once if it is lost already. */
  onLost(listener: () => void): void;
  offLost(listener: () => void): void;
}

export interface Call {
  /** Where the answer comes in; opened by the first call. */
  readonly listen: () => Promise<CallHomeServer>;
  readonly codec: PayloadCodec;
  readonly context: RequestContext;
  readonly instanceId: bigint;
  /** From the acknowledgement to the worker's prologue: covers its queue. */
  readonly prologueTimeoutMs: number;
  /** As in CallSettings. */
  readonly withdrawn?: AbortSignal | undefined;
  /**
   * An instance that leaves in order still answers what reached it; so long it is waited for. One whose lease has expired
   * must have said something within it, up to now. Default 5 000.
   */
  readonly withdrawnGraceMs?: number;
  /** Items that the caller sends meanwhile. */
  readonly items?: AsyncIterable<unknown> | undefined;
  /**
   * Sends the request with these subjects; resolves when the worker has taken it, rejects with its refusal. With the
   * carrier, where there is one between the two alone.
   */
  readonly send: (
    subjects: CallSubjects,
    callHome: CallHomeServer,
  ) => Promise<RequestCarrier | undefined>;
}

/** An answer whose beginning is on its way comes within it, although the request's connection is gone. */
const lostGraceMs = 250;

export function callAndReceive(call: Call): AsyncGenerator<Annotated> {
  const exchange = new CallHomeExchange(call);
  return new LazyStream({ open: () => exchange.open(), closed: () => exchange.close() });
}

class CallHomeExchange {
  readonly #call: Call;
  readonly #subject = randomUUID();
  readonly #requestSubject: string | null;
  #feed: RequestFeed | null = null;
  readonly #answer: Answer;
  #callHome: CallHomeServer | null = null;
  #prologue: NodeJS.Timeout | null = null;
  #withdrawal: NodeJS.Timeout | null = null;
  #carrier: RequestCarrier | null = null;
  #loss: NodeJS.Timeout | null = null;
  #expiry: NodeJS.Timeout | null = null;
  #sentMs = 0;
  #tellEnd = () => {};

  constructor(call: Call) {
    this.#call = call;
    this.#requestSubject = call.items === undefined ? null : randomUUID();
    this.#answer = new Answer({
      onBegin: () => this.#stopWaiting(),
      onEnd: () => this.#tellEnd(),
    });
  }

  async open(): Promise<Answer> {
    const { context, codec, instanceId, withdrawn, prologueTimeoutMs, send } = this.#call;
    this.#sentMs = performance.now();
    const answer = this.#answer;
    try {
      this.#callHome = await this.#call.listen();
      if (context.isStopped) throw context.reason;
      this.#callHome.expect(this.#subject, { answer, codec, instanceId });
      this.#expectItems(this.#callHome);
      context.onCancel(this.#onCancel);
      withdrawn?.addEventListener("abort", this.#onWithdrawn, { once: true });
      if (withdrawn?.aborted) this.#onWithdrawn();
      const subjects = { response: this.#subject, request: this.#requestSubject };
      await this.#untilTaken(send(subjects, this.#callHome));
    } catch (error) {
      this.close();
      throw error;
    }
    if (!answer.hasBegun) {
      this.#prologue = setTimeout(() => {
        const message = `The worker did not begin to answer within ${prologueTimeoutMs} ms.`;
        answer.kill(new DeadlineExceededError(message));
      }, prologueTimeoutMs);
      this.#carrier?.onLost(this.#onLost);
    }
    return answer;
  }

  /** Idempotent. A worker that still answers is told to give up. */
  close(): void {
    const { context, withdrawn } = this.#call;
    this.#stopWaiting();
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#callHome?.forget(this.#subject, this.#answer);
    if (this.#requestSubject !== null) this.#callHome?.forgetItems(this.#requestSubject);
    this.#feed?.close();
    withdrawn?.removeEventListener("abort", this.#onWithdrawn);
    context.offCancel(this.#onCancel);
    this.#answer.kill();
  }

  #expectItems(callHome: CallHomeServer): void {
    const { items, codec } = this.#call;
    if (items === undefined || this.#requestSubject === null) return;
    this.#feed = new RequestFeed(items, codec, (error) => {
      this.#answer.kill(
        DynError.is(error)
          ? error
          : new InternalError("The items of the request ended by an error.", error),
      );
    });
    callHome.expectItems(this.#requestSubject, this.#feed);
  }

  /** A kill, or an answer that is over, does not wait for an acknowledgement. */
  async #untilTaken(sent: Promise<RequestCarrier | undefined>): Promise<void> {
    if (this.#answer.isEnded) {
      sent.catch(this.#passOver);
      return;
    }
    const ended = new Promise<void>((resolve) => {
      this.#tellEnd = resolve;
    });
    try {
      this.#carrier = (await Promise.race([sent, ended])) ?? null;
    } catch (error) {
      // A worker that answers has taken the request, whatever became of its acknowledgement.
      if (!this.#answer.hasBegun) throw error;
    }
  }

  /** The answer has its end already; what becomes of the acknowledgement adds nothing. */
  readonly #passOver = () => {};

  readonly #onCancel = (kind: CancelKind): void => {
    if (kind === "kill") this.#answer.kill();
    else this.#answer.stop();
  };

  readonly #onWithdrawn = (): void => {
    if (this.#call.withdrawn?.reason === leaseExpired) {
      // What it has said lately is heard first.
      this.#expiry = setTimeout(this.#onExpired, lostGraceMs);
      return;
    }
    if (this.#answer.hasBegun) return;
    this.#withdrawal = setTimeout(
      () => this.#answer.kill(brokenAnswer("The instance left before it began to answer.")),
      this.#graceMs,
    );
  };

  /**
   * Nobody keeps its record alive: most likely it is dead, and its machine with it, or it would have closed its
   * connections. A shared connection knows better; on one of its own the worker must speak.
   */
  readonly #onExpired = (): void => {
    const answer = this.#answer;
    if (answer.isEnded || this.#callHome?.watches(this.#call.instanceId) === true) return;
    const heardMs = Math.max(this.#sentMs, answer.heardMs);
    const leftMs = heardMs + this.#graceMs - performance.now();
    if (leftMs > 0) {
      this.#expiry = setTimeout(this.#onExpired, leftMs);
      return;
    }
    // A process that stood still itself looks at its sockets before it judges.
    setImmediate(() => {
      if (answer.isEnded) return;
      if (answer.heardMs > heardMs) this.#onExpired();
      else
        answer.kill(
          brokenAnswer("The worker fell silent, and its lease in discovery has expired."),
        );
    });
  };

  get #graceMs(): number {
    return this.#call.withdrawnGraceMs ?? 5_000;
  }

  /** Discovery notices a dead process after its lease; its connections tell at once. */
  readonly #onLost = (): void => {
    this.#loss = setTimeout(
      () =>
        this.#answer.kill(
          brokenAnswer("The worker's connection was lost before it began to answer."),
        ),
      lostGraceMs,
    );
  };

  #stopWaiting(): void {
    for (const timer of [this.#prologue, this.#withdrawal, this.#loss]) {
      if (timer !== null) clearTimeout(timer);
    }
    this.#prologue = null;
    this.#withdrawal = null;
    this.#loss = null;
    this.#carrier?.offLost(this.#onLost);
    this.#carrier = null;
  }
}
