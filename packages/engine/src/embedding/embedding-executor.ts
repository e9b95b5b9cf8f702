// What computes vectors: an executor without pages, since nothing is kept between batches.

export interface EmbeddingExecutorInfo {
  readonly kind: string;
  readonly dtype: string;
  readonly vocabSize: number;
  /** Tokens of one prompt. */
  readonly contextLength: number;
  /** Numbers of a vector. */
  readonly vectorSize: number;
  readonly weightBytes: number;
}

/** Prompts of any lengths, one after the other: nothing is padded here. */
export interface EmbeddingBatch {
  /** [sum of lengths] */
  readonly tokenIds: Int32Array;
  /** [prompts] */
  readonly lengths: Int32Array;
}

export interface EmbeddingExecutor {
  readonly info: EmbeddingExecutorInfo;
  /** [prompts, vectorSize] row-major, the caller's to keep. Batches may be given before earlier ones are done. */
  embed(batch: EmbeddingBatch): Promise<Float32Array>;
  close(): Promise<void>;
}
