// Small requests of our own that show whether an idle endpoint still answers. It decides when to ask and what an answer,
// or none, means; how to ask, and what counts as an answer, is the caller's.
import { DynError } from "@dyn/protocol";

export interface CanaryOptions {
  /** One request through everything. Resolves when a real token or vector has come back, else rejects. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  /** Quiet time before a probe. */
  readonly idleMs: number;
  /** How long an answer may take, where the first one was not slow itself. */
  readonly timeoutMs: number;
  /** An answer that takes longer than this is late however slow the engine is. */
  readonly longestMs: number;
  /** Requests of others are open, or the engine is paused: their progress says more than a probe could, and is judged elsewhere. */
  readonly isBusy: () => boolean;
  /** `null`: it answered. Told at each verdict, also when it is the same again. */
  readonly onVerdict: (problem: string | null) => void;
  /** Milliseconds, never going back. Default performance.now. */
  readonly now?: () => number;
}

/** Late is what takes longer than this many times the slowest answer so far. */
const patience = 3;
/** A timer that comes so late tells of this process, not of the engine: an answer that came meanwhile is not read yet. */
const standstillMs = 250;
const overloadCodes: ReadonlySet<string> = new Set([
  "DYN_REQUEST_OVERLOADED",
  "DYN_ENGINE_QUEUE_FULL",
]);

/**
 * Probes at once, then whenever nothing was heard for `idleMs`. At most one probe is open: one that is late is a
 * verdict, and if its answer comes after all that is one too.
 *
 * Overload is no verdict, and neither is a late answer while others are served or wait: a probe that waits in a queue
 * says nothing of the engine. The first answer may take `longestMs`; what it took is the measure of the later ones, so a
 * machine whose every first token is slow is never found dead for it.
 */
export class Canary {
  readonly #options: CanaryOptions;
  readonly #now: () => number;
  readonly #end = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #slowestMs = 0;
  #hasAnswered = false;
  #isOpen = false;
  #heardAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: CanaryOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  start(): void {
    this.#wait(0);
  }

  /** An item of a real answer passed: as good as a probe. */
  heard(): void {
    this.#heardAtMs = this.#now();
  }

  /** Ends the open probe, too. */
  close(): void {
    this.#end.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #wait(ms: number): void {
    if (this.#end.signal.aborted) return;
    this.#timer = setTimeout(() => this.#wake(), ms);
    this.#timer.unref();
  }

  #wake(): void {
    const { idleMs, isBusy } = this.#options;
    const quietMs = this.#now() - this.#heardAtMs;
    if (quietMs < idleMs) this.#wait(idleMs - quietMs);
    else if (this.#isOpen || isBusy()) this.#wait(idleMs);
    else void this.#probe();
  }

  async #probe(): Promise<void> {
    const { probe, idleMs, timeoutMs, longestMs } = this.#options;
    const begunMs = this.#now();
    const allowedMs = this.#hasAnswered
      ? Math.min(longestMs, Math.max(timeoutMs, patience * this.#slowestMs))
      : Math.max(timeoutMs, longestMs);
    let late: NodeJS.Timeout;
    const wait = () => {
      const dueMs = this.#now() + allowedMs;
      late = setTimeout(() => {
        const nowMs = this.#now();
        const stoodStill = nowMs - dueMs > standstillMs && nowMs - begunMs < longestMs;
        if (stoodStill) wait();
        else this.#late(begunMs, allowedMs);
      }, allowedMs);
      late.unref();
    };
    wait();
    this.#isOpen = true;
    try {
      await probe(this.#end.signal);
      this.#slowestMs = Math.max(this.#slowestMs, this.#now() - begunMs);
      this.#hasAnswered = true;
      this.heard();
      this.#judge(null);
    } catch (error) {
      if (!isOverload(error)) this.#judge(describe(error));
    } finally {
      clearTimeout(late!);
      this.#isOpen = false;
      this.#wait(idleMs);
    }
  }

  #late(begunMs: number, allowedMs: number): void {
    if (this.#options.isBusy() || this.#heardAtMs > begunMs) return;
    this.#judge(`Its own request has not been answered within ${Math.round(allowedMs)} ms.`);
  }

  #judge(problem: string | null): void {
    if (!this.#end.signal.aborted) this.#options.onVerdict(problem);
  }
}

function isOverload(error: unknown): boolean {
  return DynError.is(error) && overloadCodes.has(error.code);
}

function describe(error: unknown): string {
  return `Its own request failed: ${error instanceof Error ? error.message : String(error)}`;
}
