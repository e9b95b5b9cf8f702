// When to ask again: exponential back-off with jitter, or what the server asked for.
import { CancelledError } from "@dyn/protocol";
import { HubError } from "./hub-error.ts";

/** Something that may go better next time. */
export class TransientError extends Error {
  /** What the server's Retry-After asked for. */
  readonly retryAfterMs: number | null;

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number | null } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}

export interface RetryTimers {
  /** Resolves after `ms`; rejects when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
  /** Unix time. */
  nowMs(): number;
}

export const systemTimers: RetryTimers = {
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const cancel = () => {
        clearTimeout(timer);
        reject(new CancelledError("The download was cancelled.", signal?.reason));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", cancel);
        resolve();
      }, ms);
      if (signal?.aborted) cancel();
      else signal?.addEventListener("abort", cancel, { once: true });
    }),
  random: Math.random,
  nowMs: Date.now,
};

const maxAttempts = 6;
const firstDelayMs = 1_000;
const maxDelayMs = 30_000;
/** A server that wants us gone for longer than this gets no answer to wait for. */
const maxRetryAfterMs = 300_000;

/**
 * Calls `attempt` until it succeeds or throws something other than a TransientError.
 * Gives up after 6 failures in a row; `attempt` returns the count to zero by calling `progressed`.
 */
export async function retry<T>(
  what: string,
  timers: RetryTimers,
  attempt: (progressed: () => void) => Promise<T>,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onRetry?: (reason: string, delayMs: number) => void;
  } = {},
): Promise<T> {
  let failures = 0;
  const progressed = () => {
    failures = 0;
  };
  for (;;) {
    try {
      return await attempt(progressed);
    } catch (error) {
      if (options.signal?.aborted) {
        throw new CancelledError("The download was cancelled.", options.signal.reason);
      }
      if (!(error instanceof TransientError)) throw error;
      failures += 1;
      const delayMs = error.retryAfterMs ?? backOffMs(failures, timers.random());
      if (failures >= maxAttempts || delayMs > maxRetryAfterMs) {
        throw giveUp(what, error, failures, delayMs);
      }
      options.onRetry?.(error.message, delayMs);
      await timers.sleep(delayMs, options.signal);
    }
  }
}

function backOffMs(failures: number, random: number): number {
  const full = Math.min(firstDelayMs * 2 ** (failures - 1), maxDelayMs);
  return full * (0.5 + random / 2);
}

function giveUp(what: string, error: TransientError, failures: number, delayMs: number): HubError {
  const tries = failures === 1 ? "1 try" : `${failures} tries`;
  const wait =
    delayMs > maxRetryAfterMs ? ` The server asks to wait ${Math.ceil(delayMs / 1000)} s.` : "";
  return new HubError(
    "DYN_HUB_UNAVAILABLE",
    `${what}: ${error.message}, after ${tries}.${wait} Try again later (a download goes on where it stopped), or set HF_HUB_OFFLINE=1 to use what the cache has.`,
    error,
  );
}

/** Retry-After in seconds or as an HTTP date. */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}
