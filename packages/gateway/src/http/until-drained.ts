import type { Writable } from "node:stream";

/**
 * Resolves when a reader has made room again; rejects with the signal's reason.
 * One that reads nothing for the time-out is told of by `onStalled`, which ends it.
 */
export function untilDrained(
  stream: Writable,
  options: {
    readonly signal: AbortSignal;
    readonly stalledTimeoutMs: number;
    readonly onStalled: () => void;
  },
): Promise<void> {
  const { signal, stalledTimeoutMs, onStalled } = options;
  return new Promise<void>((resolve, reject) => {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
      clearTimeout(timer);
      stream.off("drain", onDrain);
      signal.removeEventListener("abort", onAbort);
    };
    const onDrain = () => {
      settle();
      resolve();
    };
    const onAbort = () => {
      settle();
      reject(signal.reason);
    };
    // The time-out of a process that was stopped itself is over before it looks at its sockets: they have one look more.
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (!isSettled) onStalled();
      });
    }, stalledTimeoutMs);
    stream.on("drain", onDrain);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
