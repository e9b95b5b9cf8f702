/** What the benchmark asks of an engine. */
export interface BenchEngine {
  /** Milliseconds from the request to its first token. The prompt is random: nothing of it is cached. */
  prefill(tokenCount: number): Promise<number>;
  /**
   * Milliseconds of one decode step, over `steps` steps of `batchSize` sequences that each continue a prompt of
   * `decodeContext` tokens. The prompts stay the same, so that each is computed once.
   */
  decode(batchSize: number, steps: number): Promise<number>;
  close(): Promise<void>;
}

export interface BenchSettings {
  /** A Hugging Face directory, or a GGUF file. */
  readonly model: string;
  readonly quantization: "q8" | null;
  readonly threadCount: number;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly maxBatchSize: number;
  readonly decodeContext: number;
  readonly cacheDirectory: string;
  /** Where node-llama-cpp is installed. */
  readonly peerDirectory: string;
}

export function randomPrompt(tokenCount: number, vocabSize: number): number[] {
  return Array.from(
    { length: tokenCount },
    () => 300 + Math.floor(Math.random() * (vocabSize - 300)),
  );
}
