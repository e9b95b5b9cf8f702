// Who had what while an answer was waited for: looked at every second in which one has waited for long, so that a soak
// says where it was and not only that it was late.
import { existsSync, readFileSync } from "node:fs";
import type { Deployment } from "./deployment.ts";
import type { Load } from "./load.ts";

const lookEveryMs = 1_000;
const longMs = 3_000;
const answerTimeoutMs = 2_000;
const maxSights = 200;
const shownIds = 3;
const pressureFile = "/proc/pressure/cpu";

/** Of each worker, by the short names that a sight is printed with. */
const gauges = {
  running: "sglang:num_running_reqs",
  queued: "sglang:num_queue_reqs",
  unmet: "sglang:num_prefill_bootstrap_queue_reqs",
  sending: "sglang:num_prefill_inflight_queue_reqs",
  pageless: "sglang:num_decode_prealloc_queue_reqs",
  receiving: "sglang:num_decode_transfer_queue_reqs",
  leases: "dyn_hand_over_leases",
  steps: "dyn_engine_steps_total",
} as const;

export interface Sight {
  readonly atSeconds: number;
  /** Answers that have waited for long, and the longest wait of them. */
  readonly waitingCount: number;
  readonly longestSeconds: number;
  readonly ids: readonly string[];
  /** Share of the time since the last look in which somebody on this machine waited for a processor; `null`: not known. */
  readonly cpuPressure: number | null;
  /** By worker: `running 3 queued 1`, what is zero left out; or why it said nothing. */
  readonly workers: readonly string[];
}

export class WaitWatch {
  readonly #load: Load;
  readonly #deployment: Deployment;
  readonly #beganMs: number;
  readonly #sights: Sight[] = [];
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | null = null;
  #stalledUs = readStalledUs();
  #lookedMs = performance.now();

  constructor(load: Load, deployment: Deployment, beganMs: number) {
    this.#load = load;
    this.#deployment = deployment;
    this.#beganMs = beganMs;
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null;
      });
    }, lookEveryMs).unref();
  }

  async stop(): Promise<readonly Sight[]> {
    clearInterval(this.#timer);
    await this.#looking;
    return this.#sights;
  }

  async #look(): Promise<void> {
    const nowMs = performance.now();
    const cpuPressure = this.#readPressure(nowMs);
    const long = this.#load.waits.filter(({ sinceMs }) => nowMs - sinceMs > longMs);
    const [first] = long;
    if (first === undefined || this.#sights.length >= maxSights) return;
    this.#sights.push({
      atSeconds: Number(((nowMs - this.#beganMs) / 1000).toFixed(1)),
      waitingCount: long.length,
      longestSeconds: Number(((nowMs - first.sinceMs) / 1000).toFixed(1)),
      ids: long.slice(0, shownIds).map(({ id }) => id),
      cpuPressure,
      workers: await Promise.all(this.#deployment.workers.map(({ url }) => describe(url))),
    });
  }

  #readPressure(nowMs: number): number | null {
    const [beforeUs, beforeMs] = [this.#stalledUs, this.#lookedMs];
    this.#stalledUs = readStalledUs();
    this.#lookedMs = nowMs;
    if (beforeUs === null || this.#stalledUs === null) return null;
    return Number(((this.#stalledUs - beforeUs) / 1000 / (nowMs - beforeMs)).toFixed(2));
  }
}

/** Linux tells it, if its kernel was made so. */
function readStalledUs(): number | null {
  if (!existsSync(pressureFile)) return null;
  const total = /^some .*total=(\d+)/.exec(readFileSync(pressureFile, "utf8"))?.[1];
  return total === undefined ? null : Number(total);
}

async function describe(url: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(answerTimeoutMs);
    const page = await (await fetch(`${url}/metrics`, { signal })).text();
    return Object.entries(gauges)
      .map(([name, metric]) => ({ name, value: sumOf(page, metric) }))
      .filter(({ value }) => value > 0)
      .map(({ name, value }) => `${name} ${value}`)
      .join(" ");
  } catch (error) {
    const { cause, message } = error as Error;
    return cause instanceof Error ? cause.message : message;
  }
}

function sumOf(page: string, name: string): number {
  const lines = page.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}
