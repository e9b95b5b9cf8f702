import { fetchMetrics, readMetric } from "./read-metrics.ts";

export interface EnginePages {
  readonly free: number;
  readonly cached: number;
  /** Held by requests, or leased to another worker. */
  readonly used: number;
}

/** `url`: of the system server of a worker. */
export async function fetchPages(url: string): Promise<EnginePages> {
  const page = await fetchMetrics(url);
  const of = (state: string) => readMetric(page, "dyn_engine_pages", `state="${state}"`);
  return { free: of("free"), cached: of("cached"), used: of("used") };
}

/** Forgets what no request holds; throws when the worker will not. */
export async function flushCache(url: string): Promise<void> {
  const answer = await fetch(`${url}/engine/flush_cache`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ timeout: 10 }),
  });
  const text = await answer.text();
  if (answer.status !== 200 || !text.includes('"success"')) {
    throw new Error(`The cache was not flushed: ${answer.status} ${text}`);
  }
}
