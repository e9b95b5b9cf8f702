import { fetchEngineLoad } from "./read-metrics.ts";

/**
 * Asks, and gives the answer that is on its way with the worker that was seen at it. An answer that was over before
 * anybody was seen, as it may be where processes get little time, is asked for again; so is one that a decode worker
 * prefilled by itself because its prefill worker did not answer within a second.
 */
export async function askUntilSeen<A, W extends { readonly systemUrl: string | null }>(
  ask: () => Promise<A>,
  workers: readonly W[],
): Promise<{ readonly answer: Promise<A>; readonly worker: W }> {
  for (;;) {
    const state = { isOver: false };
    const answer = ask();
    const over = () => {
      state.isOver = true;
    };
    answer.then(over, over);
    while (!state.isOver) {
      for (const worker of workers) {
        if ((await fetchEngineLoad(worker.systemUrl!)).running > 0) return { answer, worker };
      }
    }
    // What failed is told, and not asked for again.
    await answer;
  }
}
