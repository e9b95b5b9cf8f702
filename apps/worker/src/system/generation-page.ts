// What the engine says of each request, in the histograms of every page that shows them.
import type { GenerationObserver } from "@dyn/handlers";
import type { EngineRequestMetrics } from "@dyn/metrics";

export class GenerationPage {
  readonly #metrics: EngineRequestMetrics[] = [];

  show(metrics: EngineRequestMetrics): void {
    this.#metrics.push(metrics);
  }

  readonly observer: GenerationObserver = {
    begun: () => {
      const requests = this.#metrics.map((metrics) => metrics.begun());
      return {
        output: ({ index, timing, usage, tokenIds, finish }) => {
          for (const request of requests) {
            if (timing !== undefined) {
              const { receivedMs, scheduledMs, firstTokenMs } = timing;
              const since = (ms: number | null) => (ms === null ? null : (ms - receivedMs) / 1000);
              request.begunToSpeak({
                promptTokens: usage.promptTokens,
                cachedTokens: usage.cachedTokens,
                queueSeconds: since(scheduledMs),
                firstTokenSeconds: since(firstTokenMs),
              });
            }
            request.step(index, tokenIds.length);
            if (finish !== null) request.choiceEnded(usage.completionTokens);
          }
        },
        ended: () => {
          for (const request of requests) request.ended();
        },
      };
    },
  };
}
