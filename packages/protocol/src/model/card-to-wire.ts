// The model card as Dynamo 1.6.1 writes and reads it. The only place that knows its spelling.
import { z } from "zod";
import { InvalidArgumentError } from "../errors/error-types.ts";
import { handOverTermsKey, handOverTermsToWire, wireToHandOverTerms } from "./hand-over-terms.ts";
import {
  type CardFile,
  type CardFiles,
  type ModelCard,
  type ModelType,
  WorkerType,
} from "./model-card.ts";

const WireFile = z.looseObject({
  path: z.string(),
  checksum: z.string(),
  size: z.number().int().nonnegative().nullish(),
});

const oneFile = z.record(z.string(), WireFile).nullish();

const WireCard = z.looseObject({
  display_name: z.string().min(1),
  slug: z.string(),
  source_path: z.string().nullish(),
  model_info: oneFile,
  tokenizer: oneFile,
  prompt_formatter: oneFile,
  chat_template_file: z
    .record(z.string(), z.looseObject({ is_custom: z.boolean().optional(), file: WireFile }))
    .nullish(),
  gen_config: oneFile,
  architectural_max_context_length: z.number().int().nonnegative().nullish(),
  context_length: z.number().int().nonnegative().nullish(),
  kv_cache_block_size: z.number().int().nonnegative(),
  migration_limit: z.number().int().nonnegative(),
  migration_max_seq_len: z.number().int().positive().nullish().catch(null),
  model_type: z.string(),
  model_input: z.enum(["Tokens", "Text", "Tensor"]),
  worker_type: WorkerType.nullish().catch(null),
  needs: z.array(z.array(WorkerType)).nullish().catch(null),
  aliases: z.array(z.string()).nullish(),
  runtime_config: z
    .looseObject({
      context_length: z.number().int().nonnegative().nullish(),
      total_kv_blocks: z.number().int().nonnegative().nullish(),
      max_num_seqs: z.number().int().nonnegative().nullish(),
      max_num_batched_tokens: z.number().int().nonnegative().nullish(),
      tool_call_parser: z.string().nullish(),
      reasoning_parser: z.string().nullish(),
      data_parallel_size: z.number().int().positive().nullish(),
      enable_local_indexer: z.boolean().nullish(),
      kv_event_publishing_enabled: z.boolean().nullish(),
      runtime_data: z.record(z.string(), z.unknown()).nullish().catch(null),
      taints: z.array(z.string()).nullish().catch(null),
      topology_domains: z.record(z.string(), z.string()).nullish().catch(null),
      kv_transfer_domain: z.string().nullish().catch(null),
      kv_transfer_enforcement: z.enum(["required", "preferred"]).nullish().catch(null),
      kv_transfer_preferred_weight: z.number().nullish().catch(null),
      disaggregated_endpoint: z
        .looseObject({ bootstrap_host: z.string().nullish(), bootstrap_port: z.number().nullish() })
        .nullish()
        .catch(null),
    })
    .nullish(),
});
export type WireCard = z.infer<typeof WireCard>;

const wireTypes: Readonly<Record<string, ModelType>> = {
  Chat: "chat",
  Completions: "completions",
  Embedding: "embedding",
  Classify: "classify",
  Pooling: "pooling",
  Rerank: "rerank",
  Images: "images",
  Videos: "videos",
};
const typeWords = Object.fromEntries(Object.entries(wireTypes).map(([word, type]) => [type, word]));

/** Lower case; every character outside a-z 0-9 - _ becomes _. */
export function nameToSlug(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "_")
    .replace(/^_+/, "");
}

/** Field order is the reference's. Absent files are left out. */
export function cardToWire(card: ModelCard): WireCard {
  const { files = {}, runtimeConfig: runtime = {} } = card;
  const template = files.chatTemplate;
  return {
    display_name: card.displayName,
    slug: nameToSlug(card.displayName),
    source_path: card.sourcePath,
    ...wrap("model_info", "hf_config_json", files.config),
    ...wrap("tokenizer", "hf_tokenizer_json", files.tokenizer),
    ...wrap("prompt_formatter", "hf_tokenizer_config_json", files.tokenizerConfig),
    ...(template === undefined
      ? {}
      : {
          chat_template_file: {
            hf_chat_template: { is_custom: template.isCustom, file: fileToWire(template.file) },
          },
        }),
    ...wrap("gen_config", "hf_generation_config_json", files.generationConfig),
    architectural_max_context_length: card.architecturalContextLength ?? card.contextLength,
    context_length: card.contextLength,
    kv_cache_block_size: card.kvCacheBlockSize,
    migration_limit: card.migrationLimit ?? 0,
    ...(card.migrationMaxSeqLen === undefined
      ? {}
      : { migration_max_seq_len: card.migrationMaxSeqLen }),
    model_type: typesToWire(card),
    model_input: card.modelInput === "tokens" ? "Tokens" : "Text",
    ...(card.workerType === undefined ? {} : { worker_type: card.workerType }),
    ...(card.needs === undefined ? {} : { needs: card.needs }),
    ...(card.aliases === undefined ? {} : { aliases: card.aliases }),
    runtime_config: {
      context_length: card.contextLength,
      total_kv_blocks: runtime.totalKvBlocks,
      max_num_seqs: runtime.maxNumSeqs,
      max_num_batched_tokens: runtime.maxNumBatchedTokens,
      tool_call_parser: runtime.toolCallParser ?? null,
      reasoning_parser: runtime.reasoningParser ?? null,
      tool_call_arguments_format: "json_string",
      structural_tag_mode: "off",
      structural_tag_scope: "auto",
      structural_tag_schema: "auto",
      exclude_tools_when_tool_choice_none: true,
      data_parallel_start_rank: 0,
      data_parallel_size: runtime.dataParallelSize ?? 1,
      enable_local_indexer: runtime.enableLocalIndexer ?? false,
      kv_event_publishing_enabled: runtime.kvEventPublishingEnabled ?? false,
      ...runtimeDataToWire(runtime),
      ...(runtime.disaggregatedEndpoint === undefined
        ? {}
        : {
            disaggregated_endpoint: {
              bootstrap_host: runtime.disaggregatedEndpoint.bootstrapHost,
              bootstrap_port: runtime.disaggregatedEndpoint.bootstrapPort,
            },
          }),
      enable_eagle: false,
      ...optional("taints", runtime.taints),
      ...optional("topology_domains", runtime.topologyDomains),
      ...optional("kv_transfer_domain", runtime.kvTransferDomain),
      ...optional("kv_transfer_enforcement", runtime.kvTransferEnforcement),
      ...optional("kv_transfer_preferred_weight", runtime.kvTransferPreferredWeight),
    },
    media_decoder: null,
    media_fetcher: null,
  };
}

/** Throws an InvalidArgumentError that names the field. `where` and `createdSeconds` are not part of a card. */
export function wireToCard(
  value: unknown,
  where: { readonly endpoint: string; readonly createdSeconds: number },
): ModelCard {
  const parsed = WireCard.safeParse(value);
  if (!parsed.success) {
    throw new InvalidArgumentError(
      `The model card is not valid: ${z.prettifyError(parsed.error)}`,
      {
        code: "DYN_MODEL_CARD_INVALID",
      },
    );
  }
  const wire = parsed.data;
  if (wire.model_input === "Tensor") {
    throw new InvalidArgumentError(
      "The model card's model_input is Tensor, which this frontend does not serve.",
      {
        code: "DYN_MODEL_CARD_INVALID",
      },
    );
  }
  const runtime = wire.runtime_config ?? {};
  return {
    displayName: wire.display_name,
    ...optional("aliases", wire.aliases),
    sourcePath: wire.source_path ?? "",
    files: readFiles(wire),
    modelTypes: wire.model_type
      .split("|")
      .map((word) => wireTypes[word.trim()])
      .filter((type) => type !== undefined),
    modelInput: wire.model_input === "Tokens" ? "tokens" : "text",
    contextLength: knownContextLength(wire),
    ...(wire.architectural_max_context_length === knownContextLength(wire)
      ? {}
      : optional("architecturalContextLength", wire.architectural_max_context_length)),
    kvCacheBlockSize: wire.kv_cache_block_size,
    endpoint: where.endpoint,
    created: where.createdSeconds,
    ...optional("workerType", wire.worker_type),
    ...optional("needs", wire.needs),
    migrationLimit: wire.migration_limit,
    ...optional("migrationMaxSeqLen", wire.migration_max_seq_len),
    runtimeConfig: {
      ...optional("totalKvBlocks", runtime.total_kv_blocks),
      ...optional("maxNumSeqs", runtime.max_num_seqs),
      ...optional("maxNumBatchedTokens", runtime.max_num_batched_tokens),
      toolCallParser: runtime.tool_call_parser ?? null,
      reasoningParser: runtime.reasoning_parser ?? null,
      ...(runtime.runtime_data?.dyn_bounds_thinking === true ? { boundsThinking: true } : {}),
      ...optional("dataParallelSize", runtime.data_parallel_size),
      ...optional("enableLocalIndexer", runtime.enable_local_indexer),
      ...optional("kvEventPublishingEnabled", runtime.kv_event_publishing_enabled),
      ...optional("taints", runtime.taints),
      ...optional("topologyDomains", runtime.topology_domains),
      ...optional("kvTransferDomain", runtime.kv_transfer_domain),
      ...optional("kvTransferEnforcement", runtime.kv_transfer_enforcement),
      ...optional("kvTransferPreferredWeight", runtime.kv_transfer_preferred_weight),
      ...optional("runtimeData", runtime.runtime_data),
      ...optional("disaggregatedEndpoint", readBootstrap(runtime.disaggregated_endpoint)),
      ...optional("handOver", wireToHandOverTerms(runtime.runtime_data?.[handOverTermsKey])),
    },
  };
}

function runtimeDataToWire({
  runtimeData,
  boundsThinking,
  handOver,
}: NonNullable<ModelCard["runtimeConfig"]>) {
  const own = {
    ...(boundsThinking === true ? { dyn_bounds_thinking: true } : {}),
    ...(handOver === undefined ? {} : { [handOverTermsKey]: handOverTermsToWire(handOver) }),
  };
  const isSilent = runtimeData === undefined && Object.keys(own).length === 0;
  return isSilent ? {} : { runtime_data: { ...runtimeData, ...own } };
}

/** Prefill workers have nothing public and say so by a word of their own. */
function typesToWire({ modelTypes, workerType }: ModelCard): string {
  if (modelTypes.length === 0 && workerType === "prefill") return "Prefill";
  return modelTypes.map((type) => typeWords[type]).join(" | ");
}

/** `null`: nobody can be met there; a router asks the worker itself. */
function readBootstrap(
  endpoint: NonNullable<WireCard["runtime_config"]>["disaggregated_endpoint"],
) {
  const { bootstrap_host: bootstrapHost, bootstrap_port: bootstrapPort } = endpoint ?? {};
  if (!bootstrapHost || bootstrapPort == null) return null;
  const isPort = Number.isInteger(bootstrapPort) && bootstrapPort > 0 && bootstrapPort < 65_536;
  return isPort ? { bootstrapHost, bootstrapPort } : null;
}

/** What a frontend can rely on: 0 stands for "unknown", so the next one that knows is asked. */
function knownContextLength(wire: WireCard): number {
  const stated = [
    wire.runtime_config?.context_length,
    wire.architectural_max_context_length,
    wire.context_length,
  ];
  return stated.find((length) => length != null && length > 0) ?? 0;
}

/** As the checksum counts it: the first that the card states; a stated 0 counts. */
export function effectiveContextLength(wire: WireCard): number {
  return (
    wire.runtime_config?.context_length ??
    wire.architectural_max_context_length ??
    wire.context_length ??
    0
  );
}

function readFiles(wire: WireCard): CardFiles {
  const template = Object.values(wire.chat_template_file ?? {})[0];
  return {
    ...optional("config", firstFile(wire.model_info)),
    ...optional("tokenizer", firstFile(wire.tokenizer)),
    ...optional("tokenizerConfig", firstFile(wire.prompt_formatter)),
    ...optional("generationConfig", firstFile(wire.gen_config)),
    ...(template === undefined
      ? {}
      : {
          chatTemplate: { isCustom: template.is_custom ?? false, file: wireToFile(template.file) },
        }),
  };
}

function firstFile(files: z.infer<typeof oneFile>): CardFile | undefined {
  const file = Object.values(files ?? {})[0];
  return file === undefined ? undefined : wireToFile(file);
}

function wireToFile({ path, checksum, size }: z.infer<typeof WireFile>): CardFile {
  return { path, checksum, ...optional("sizeBytes", size) };
}

function fileToWire({ path, checksum, sizeBytes }: CardFile): z.infer<typeof WireFile> {
  return { path, checksum, ...(sizeBytes === undefined ? {} : { size: sizeBytes }) };
}

function wrap(field: string, kind: string, file: CardFile | undefined) {
  return file === undefined ? {} : { [field]: { [kind]: fileToWire(file) } };
}

function optional<K extends string, V>(key: K, value: V | null | undefined): { [P in K]?: V } {
  return (value === null || value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
