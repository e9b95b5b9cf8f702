// One request as the metrics see it, from its first byte to its end.
import type { CompletionUsage, EngineOutputItem } from "@dyn/protocol";

export interface MetricsRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export class RequestMetrics {
  begin(endpoint: string): RequestObservation {
    return new RequestObservation();
  }
}
export class RequestObservation {
  describe(model: string, isStream: boolean): void {}
  timed<Result>(stage: "template", task: () => Result): Result {
    return task();
  }
  timedAsync<Result>(stage: "tokenize", task: () => Promise<Result>): Promise<Result> {
    return task();
  }
  prompt(tokenCount: number): void {}
  item(item: EngineOutputItem): void {}
  usage(usage: CompletionUsage): void {}
  end(error: unknown): void {}
}
