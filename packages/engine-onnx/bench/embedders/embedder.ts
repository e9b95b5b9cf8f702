/** What the benchmark asks of a side. */
export interface BenchEmbedder {
  /** Milliseconds until all texts have their vectors, each text of `tokenCount` random ids. */
  embed(textCount: number, tokenCount: number): Promise<number>;
  close(): Promise<void>;
}

export interface EmbedderSettings {
  /** A Hugging Face directory, or a GGUF file. */
  readonly model: string;
  readonly quantization: "q8" | null;
  readonly threadCount: number;
  readonly vocabSize: number;
  readonly cacheDirectory: string;
  /** Where node-llama-cpp is installed. */
  readonly peerDirectory: string;
}
