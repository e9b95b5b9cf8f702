/** One number from a Prometheus page: the sum over all series of the name that have these label texts. */
export function readMetric(page: string, name: string, ...labels: string[]): number {
  let sum = 0;
  let isFound = false;
  for (const line of page.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/.exec(line);
    if (match?.[1] !== name || !labels.every((label) => match[2]?.includes(label))) continue;
    isFound = true;
    sum += Number(match[3]);
  }
  if (!isFound) throw new Error(`The metrics page has no ${name}{${labels.join(",")}}.`);
  return sum;
}

export async function fetchMetrics(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`);
  return response.text();
}

/** For what another process does, however busy the machine. */
const patienceMs = 60_000;

/** Resolves once the metric of the page satisfies. */
export async function untilMetric(
  url: string,
  name: string,
  satisfies: (value: number) => boolean,
): Promise<void> {
  for (const end = Date.now() + patienceMs; ; ) {
    const value = readMetric(await fetchMetrics(url), name);
    if (satisfies(value)) return;
    if (Date.now() > end) throw new Error(`${name} stays ${value}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface EngineLoad {
  readonly running: number;
  readonly waiting: number;
  readonly pagesUsed: number;
}

export async function fetchEngineLoad(url: string): Promise<EngineLoad> {
  const page = await fetchMetrics(url);
  return {
    running: readMetric(page, "sglang:num_running_reqs"),
    waiting: readMetric(page, "sglang:num_queue_reqs"),
    pagesUsed: readMetric(page, "dyn_engine_pages", 'state="used"'),
  };
}

/** Resolves when nothing runs or waits and no page is held by a request. */
export async function waitUntilIdle(url: string, timeoutMs = patienceMs): Promise<EngineLoad> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const load = await fetchEngineLoad(url);
    if (load.running === 0 && load.waiting === 0 && load.pagesUsed === 0) return load;
    if (Date.now() > end)
      throw new Error(`Not idle after ${timeoutMs} ms: ${JSON.stringify(load)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
