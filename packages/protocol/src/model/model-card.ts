// What a worker says of its model when it registers, in our spelling; card-to-wire.ts has Dynamo's.
import { z } from "zod";
import { HandOverTerms } from "./hand-over-terms.ts";

export const ModelType = z.enum([
  "chat",
  "completions",
  "embedding",
  "classify",
  "pooling",
  "rerank",
  "images",
  "videos",
]);
export type ModelType = z.infer<typeof ModelType>;

export const WorkerType = z.enum(["aggregated", "prefill", "decode", "encode"]);
export type WorkerType = z.infer<typeof WorkerType>;

/** A file that frontends read: an absolute path, or a URL. */
export const CardFile = z.object({
  path: z.string().min(1),
  /** `blake3:` and 64 hex digits of the content. */
  checksum: z.string(),
  sizeBytes: z.number().int().nonnegative().optional(),
});
export type CardFile = z.infer<typeof CardFile>;

export const CardFiles = z.object({
  config: CardFile.optional(),
  tokenizer: CardFile.optional(),
  tokenizerConfig: CardFile.optional(),
  generationConfig: CardFile.optional(),
  /** `isCustom`: given by the operator instead of the model's own. */
  chatTemplate: z.object({ isCustom: z.boolean(), file: CardFile }).optional(),
});
export type CardFiles = z.infer<typeof CardFiles>;

export const ModelCard = z.object({
  /** The name that clients send as `model`. */
  displayName: z.string().min(1),
  /** Further names for the same model; answers carry the display name. */
  aliases: z.array(z.string().min(1)).optional(),
  /** A hub id, or the directory of the tokenizer files where `files` does not name them one by one. */
  sourcePath: z.string(),
  files: CardFiles.optional(),
  /** Empty: nothing public (prefill workers). */
  modelTypes: z.array(ModelType),
  /** `tokens`: the frontend applies template and tokenizer; `text`: the worker does. */
  modelInput: z.enum(["tokens", "text"]),
  /** Prompt and answer together; 0 = unknown. */
  contextLength: z.number().int().nonnegative(),
  /** What the model was made for, where it is served with less; default `contextLength`. */
  architecturalContextLength: z.number().int().nonnegative().optional(),
  /** Tokens in a block that events and routing count in; 0 = unknown. */
  kvCacheBlockSize: z.number().int().nonnegative(),
  /** dyn://namespace.component.endpoint that serves the model. */
  endpoint: z.string(),
  /** Creation time in Unix seconds. */
  created: z.number().int(),
  /** A chat template that replaces the directory's own (Jinja source). */
  chatTemplate: z.string().optional(),
  workerType: WorkerType.optional(),
  /** Peers that must be there before the model is served: one of these sets. */
  needs: z.array(z.array(WorkerType)).optional(),
  migrationLimit: z.number().int().nonnegative().optional(),
  /** Tokens; only dyn's frontends read it. */
  migrationMaxSeqLen: z.number().int().positive().optional(),
  runtimeConfig: z
    .object({
      totalKvBlocks: z.number().int().nonnegative(),
      maxNumSeqs: z.number().int().nonnegative(),
      maxNumBatchedTokens: z.number().int().nonnegative(),
      toolCallParser: z.string().nullable(),
      reasoningParser: z.string().nullable(),
      /** Workers end reasoning that is over `max_thinking_tokens`; only dyn's workers say so. */
      boundsThinking: z.boolean(),
      dataParallelSize: z.number().int().positive(),
      enableLocalIndexer: z.boolean(),
      kvEventPublishingEnabled: z.boolean(),
      /** Names that requests may require or prefer of a worker. */
      taints: z.array(z.string()),
      /** Where the worker stands, by domain: `{ zone: "a", rack: "7" }`. */
      topologyDomains: z.record(z.string(), z.string()),
      /** Of the domains above: within which KV caches are handed over, and whether that is a rule or a wish. */
      kvTransferDomain: z.string(),
      kvTransferEnforcement: z.enum(["required", "preferred"]),
      kvTransferPreferredWeight: z.number(),
      /** Facts that peers look up by name, such as `disagg_prefill_cancel_anytime_v1`. */
      runtimeData: z.record(z.string(), z.unknown()),
      /** Where decode workers meet this one. */
      disaggregatedEndpoint: z.object({
        bootstrapHost: z.string().min(1),
        bootstrapPort: z.number().int().min(1).max(65_535),
      }),
      /** Of prefill and decode workers: what a pair must agree on. Only dyn's say it. */
      handOver: HandOverTerms,
    })
    .partial()
    .optional(),
});
export type ModelCard = z.infer<typeof ModelCard>;
