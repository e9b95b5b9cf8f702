/** What one call took, all threads of the process together for `cpuMs`. */
export interface EmbedCost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** What the benchmark asks of a side. */
export interface BenchEmbedder {
  /** Until all texts have their vectors, each text of `tokenCount` random ids. */
  embed(textCount: number, tokenCount: number): Promise<EmbedCost>;
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

export async function measureCost(task: () => Promise<unknown>): Promise<EmbedCost> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await task();
  const { user, system } = process.cpuUsage(before);
  return { wallMs: performance.now() - startMs, cpuMs: (user + system) / 1000 };
}
