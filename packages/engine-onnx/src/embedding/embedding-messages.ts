// Everything an embedding thread can be told, and everything it says.
import type { EmbeddingBatch, EmbeddingExecutorInfo } from "@dyn/engine";
import type { ErrorRecord } from "@dyn/protocol";
import type { StartupMessage } from "../engine/startup-message.ts";

export type MessageToEmbedder =
  /** Answered by `vectors` or `failed`, in order. */
  | { readonly type: "embed"; readonly batch: EmbeddingBatch }
  /** The thread ends. */
  | { readonly type: "close" };

export type MessageFromEmbedder =
  | StartupMessage
  | { readonly type: "ready"; readonly info: EmbeddingExecutorInfo }
  /** [prompts, vectorSize] */
  | { readonly type: "vectors"; readonly vectors: Float32Array }
  | { readonly type: "failed"; readonly error: ErrorRecord };
