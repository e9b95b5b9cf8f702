/** The numbers that the engine's families show. Counters only grow; they may start again at 0 with a new engine. */
export interface EngineMetricsLike {
  readonly runningRequests: number;
  readonly waitingRequests: number;
  /** free + cached + used = total. */
  readonly pagesTotal: number;
  readonly pagesFree: number;
  /** Held by the cache alone. */
  readonly pagesCached: number;
  /** Locked by requests. */
  readonly pagesUsed: number;
  readonly promptTokens: number;
  /** Of the prompt tokens, those that came from the cache. */
  readonly cachedTokens: number;
  readonly generatedTokens: number;
  readonly finishedRequests: number;
  readonly abortedRequests: number;
  readonly retractions: number;
  readonly prefillSteps: number;
  readonly decodeSteps: number;
  /** Tokens per second. */
  readonly generationThroughput: number;
}

export interface EngineMetricsOptions {
  /** The model_name label. */
  readonly model: string;
  /** Default `unified`. */
  readonly engineType?: "unified" | "prefill" | "decode";
  /** Tokens per page. */
  readonly pageSize: number;
  readonly contextLength?: number;
  readonly weightBytes?: number;
  readonly kvBytesPerToken?: number;
  /** More labels on every series: `{ dp_rank: "0" }`; the same names at every engine of a registry. */
  readonly labels?: Readonly<Record<string, string>>;
}
