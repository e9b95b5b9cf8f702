/** What the benchmark asks of an engine. Prompts are random and never repeat: no prefix is cached. */
export interface BenchEngine {
  /** Milliseconds from the request to its first token. */
  prefill(tokenCount: number): Promise<number>;
  /** Milliseconds of one decode step of `batchSize` sequences that began with `contextLength` tokens, over `steps` steps. */
  decode(batchSize: number, contextLength: number, steps: number): Promise<number>;
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
