import type { PageCache } from "../cache/page-cache.ts";
import type { PagePool } from "../cache/page-pool.ts";
import type { HandOverMetrics } from "../contract/disaggregation.ts";
import type { EngineMetrics } from "../contract/engine.ts";
import type { FinishReason } from "../contract/engine-output.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import { Throughput } from "./throughput.ts";

/** Counts what EngineMetrics shows. Requests are counted, not choices. */
export class MetricsRecorder {
  readonly #throughput: Throughput;
  #promptTokens = 0;
  #cachedTokens = 0;
  #generatedTokens = 0;
  #finishedRequests = 0;
  #abortedRequests = 0;
  #prefillSteps = 0;
  #decodeSteps = 0;

  constructor(now: () => number) {
    this.#throughput = new Throughput(now);
  }

  /** Counts the prompt of its request, once, as soon as it is found or computed. */
  advanced({ group, computed, promptLength }: Sequence): void {
    if (group.isCounted || computed < promptLength) return;
    group.isCounted = true;
    this.#promptTokens += group.request.tokenIds.length;
    this.#cachedTokens += group.cachedTokens ?? 0;
  }

  step(kind: "prefill" | "decode", sampledTokens: number): void {
    this.#generatedTokens += sampledTokens;
    if (kind === "prefill") {
      this.#prefillSteps++;
    } else {
      this.#decodeSteps++;
      this.#throughput.decodeStep(sampledTokens);
    }
  }

  requestEnded(reason: FinishReason): void {
    if (reason.type === "abort") this.#abortedRequests++;
    else this.#finishedRequests++;
  }

  idle(): void {
    this.#throughput.idle();
  }

  snapshot(
    scheduler: Scheduler,
    pool: PagePool,
    cache: PageCache,
    handOver: HandOverMetrics | null,
  ): EngineMetrics {
    return {
      runningRequests: scheduler.runningCount,
      waitingRequests: scheduler.waitingCount,
      pagesTotal: pool.total,
      pagesFree: pool.freeCount,
      pagesCached: cache.evictablePages,
      pagesUsed: pool.total - pool.freeCount - cache.evictablePages,
      promptTokens: this.#promptTokens,
      cachedTokens: this.#cachedTokens,
      generatedTokens: this.#generatedTokens,
      finishedRequests: this.#finishedRequests,
      abortedRequests: this.#abortedRequests,
      retractions: scheduler.retractions,
      prefillSteps: this.#prefillSteps,
      decodeSteps: this.#decodeSteps,
      generationThroughput: this.#throughput.tokensPerSecond,
      handOver,
    };
  }
}
