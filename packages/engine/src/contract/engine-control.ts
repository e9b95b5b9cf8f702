// What operators and trainers tell a running engine, and what it says of itself then. Plain data: it crosses threads.

/** `cuda_graph` is accepted for the reference's sake: a CPU holds none. */
export type MemoryTag = "weights" | "kv_cache" | "cuda_graph";

/** Everything that a memory command may name; SGLang's. */
export const memoryTags: readonly MemoryTag[] = ["weights", "kv_cache", "cuda_graph"];

/** `abort` ends what is open, `retract` sends what runs back to the queue without its KV, `in_place` freezes it. */
export type PauseMode = "abort" | "retract" | "in_place";

export type WeightSource =
  /** A Hugging Face directory with a whole checkpoint of the same shape. */
  | { readonly kind: "directory"; readonly path: string }
  /** Safetensors files in memory; tensors that are not in them stay what they are. */
  | { readonly kind: "tensors"; readonly files: readonly Uint8Array[] };

export type EngineCommand =
  /** Resolves when no step is computed any more. Requests that come meanwhile wait in the queue. Idempotent. */
  | { readonly type: "pause"; readonly mode: PauseMode }
  | { readonly type: "continue" }
  /** Refused while requests hold pages. Idempotent. */
  | { readonly type: "releaseMemory"; readonly tags: readonly MemoryTag[] }
  /** Steps go on when every tag is back and nothing is paused. Idempotent. */
  | { readonly type: "resumeMemory"; readonly tags: readonly MemoryTag[] }
  /**
   * Requests that have begun end on the old weights, those that wait begin on the new ones: no request sees both, unless
   * the engine is paused with requests in it. A source that does not fit changes nothing.
   */
  | {
      readonly type: "loadWeights";
      readonly source: WeightSource;
      /** Ends requests that have begun instead of waiting for them. */
      readonly abortRequests: boolean;
      /** Forgets the KV of the old weights. */
      readonly flushCache: boolean;
    }
  | { readonly type: "startProfile"; readonly options: ProfileOptions }
  | { readonly type: "stopProfile" };

export interface ProfileOptions {
  /** Made if it is not there. */
  readonly directory: string;
  /** Of the files' names. */
  readonly name: string;
  /** Steps to leave out first. */
  readonly startStep: number;
  /** Ends by itself after so many; `null`: when it is told to. */
  readonly stepCount: number | null;
  /** The functions that the thread was in, too. */
  readonly hasCpu: boolean;
}

/** What became of a command, and how the engine stands. */
export interface EngineControlState {
  readonly isPaused: boolean;
  readonly released: readonly MemoryTag[];
  /** Requests that are open while it is paused. */
  readonly pausedRequests: number;
  /** Written by `stopProfile`, or since the last command. */
  readonly profileFiles: readonly string[];
}
