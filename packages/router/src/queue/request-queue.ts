// Where requests wait while every worker is above its share of prefill: a line for each class, which take turns.
import { classOf, type QueueClass, type QueueClasses } from "./queue-classes.ts";
import { type Waiting, WaitingLine } from "./waiting-line.ts";

/** `wspt`: short prompts first, weighted by priority (weighted shortest processing time). */
export type QueuePolicy = "fcfs" | "wspt";

export interface QueueSettings {
  readonly policy: QueuePolicy;
  /** Wait while every worker has more prefill than this share of its largest batch; 0 = while any prefill runs. */
  readonly thresholdFrac: number | null;
  /** The same in tokens; either of the two suffices. Neither: nobody waits. */
  readonly thresholdTokens: number | null;
  readonly maxRequestsPerWorker: number;
  /** Prompt tokens that may wait, per worker. */
  readonly maxTokensPerWorker: number;
  /** The same of prompt tokens that a worker has cached. */
  readonly maxCachedTokensPerWorker: number;
  /** Shown in metrics. */
  readonly className?: string;
}

/** Neither threshold is set: nobody waits. */
export const defaultQueueSettings: QueueSettings = Object.freeze({
  policy: "fcfs",
  thresholdFrac: null,
  thresholdTokens: null,
  maxRequestsPerWorker: 1024,
  maxTokensPerWorker: Number.POSITIVE_INFINITY,
  maxCachedTokensPerWorker: Number.POSITIVE_INFINITY,
});

/** Prompt tokens of a turn where a class does not say. */
const defaultQuantum = 4096;

/** What of a full queue had no more room. */
export type QueueLimit = "requests" | "tokens" | "cachedTokens";

export interface QueuedRequest {
  readonly tokenCount: number;
  /** Prompt tokens that some worker has cached; asked for when that decides, or when the request has to wait. */
  readonly cachedTokens: () => number;
  /** Of its class, as the request names it. */
  readonly family: string | null;
  /** Seconds that it jumps ahead. */
  readonly priorityJump: number;
  /** Higher ones leave first, whatever else. */
  readonly strictPriority: number;
}

export interface QueueView {
  readonly className: string;
  readonly depth: number;
  readonly tokenCount: number;
  readonly cachedTokenCount: number;
}

export interface RequestQueueOptions {
  readonly classes: QueueClasses;
  readonly now: () => number;
  /** Whether some worker may take the next one of the class. */
  readonly hasRoom: (queueClass: QueueClass) => boolean;
  readonly workerCount: () => number;
  readonly onRefused?: (what: QueueLimit, className: string) => void;
}

export class RequestQueue {
  readonly #options: RequestQueueOptions;
  readonly #lines: readonly WaitingLine[];
  readonly #startMs: number;
  /** The line whose turn it is. */
  #turn = 0;
  #order = 0;

  constructor(options: RequestQueueOptions) {
    this.#options = options;
    this.#lines = options.classes.classes.map((it) => new WaitingLine(it));
    this.#startMs = options.now();
  }

  get depth(): number {
    return this.#sum("depth");
  }

  /** Prompt tokens that wait. */
  get tokenCount(): number {
    return this.#sum("tokenCount");
  }

  /** Of these, tokens that some worker had cached when they came. */
  get cachedTokenCount(): number {
    return this.#sum("cachedTokenCount");
  }

  /** Each class and who waits in it. */
  view(): QueueView[] {
    return this.#lines.map(({ queueClass, depth, tokenCount, cachedTokenCount }) => ({
      className: queueClass.className,
      depth,
      tokenCount,
      cachedTokenCount,
    }));
  }

  classOf({ family, tokenCount, cachedTokens }: QueuedRequest): QueueClass {
    const { classes } = this.#options;
    return classOf(classes, family, () => Math.max(0, tokenCount - cachedTokens()));
  }

  /** Milliseconds waited. Throws an OverloadedError when the line is full, the signal's reason when it aborts. */
  async enter(
    request: QueuedRequest,
    signal: AbortSignal | undefined,
    queueClass: QueueClass = this.classOf(request),
  ): Promise<number> {
    const { now, hasRoom, workerCount, onRefused } = this.#options;
    const line = this.#lines.find((it) => it.queueClass === queueClass)!;
    if (line.depth === 0 && hasRoom(queueClass)) return 0;
    const { tokenCount, strictPriority } = request;
    const cachedCount = request.cachedTokens();
    line.refuseWhenFull(tokenCount, cachedCount, workerCount(), (what) =>
      onRefused?.(what, queueClass.className),
    );
    signal?.throwIfAborted();
    const enteredMs = now();
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        tokenCount,
        cachedCount,
        strictPriority,
        key: this.#key(request, queueClass, enteredMs),
        order: this.#order++,
        leave: () => {
          signal?.removeEventListener("abort", giveUp);
          resolve();
        },
      };
      const giveUp = () => {
        line.remove(waiting);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", giveUp, { once: true });
      line.insert(waiting);
    });
    return now() - enteredMs;
  }

  /** After anything that may have made room. Lets one go, who calls it again once it is booked. */
  pump(): void {
    const line = this.#next();
    const first = line?.first;
    if (line === undefined || first === undefined) return;
    line.credit -= first.tokenCount;
    line.remove(first);
    first.leave();
  }

  /**
   * Deficit round robin: each line that may go earns its quantum of prompt tokens a turn, and goes while it has enough for
   * its first request.
   */
  #next(): WaitingLine | undefined {
    const { hasRoom } = this.#options;
    const open = this.#lines.filter((line) => line.depth > 0 && hasRoom(line.queueClass));
    if (open.length < 2) {
      // Who goes alone takes nothing from anybody.
      if (open[0] !== undefined) open[0].credit = open[0].first!.tokenCount;
      return open[0];
    }
    const turnsOf = (line: WaitingLine) =>
      Math.max(0, Math.ceil((line.first!.tokenCount - line.credit) / quantumOf(line)));
    const at = this.#lines[this.#turn]!;
    if (open.includes(at) && turnsOf(at) === 0) return at;
    // Nobody is asked turn by turn what can be counted: after so many, one of them has enough.
    const rest = [...this.#lines.slice(this.#turn + 1), ...this.#lines.slice(0, this.#turn + 1)];
    const waiting = rest.filter((line) => open.includes(line));
    const turns = Math.max(1, Math.min(...waiting.map(turnsOf)));
    for (const line of waiting) line.credit += (turns - 1) * quantumOf(line);
    for (const line of waiting) {
      line.credit += quantumOf(line);
      if (turnsOf(line) > 0) continue;
      this.#turn = this.#lines.indexOf(line);
      return line;
    }
    return undefined;
  }

  #key({ priorityJump, tokenCount }: QueuedRequest, { policy }: QueueClass, nowMs: number): number {
    return policy === "wspt"
      ? (1 + priorityJump) / Math.max(1, tokenCount)
      : priorityJump - (nowMs - this.#startMs) / 1000;
  }

  #sum(name: "depth" | "tokenCount" | "cachedTokenCount"): number {
    return this.#lines.reduce((sum, line) => sum + line[name], 0);
  }
}

function quantumOf({ queueClass }: WaitingLine): number {
  return queueClass.quantum ?? defaultQuantum;
}
