/** Resolves after the time, or as soon as the signal ends it. */
export function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, forMs);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
