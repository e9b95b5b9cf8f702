import type { WorkerArgs } from "@dyn/args";
import { handOverProtocolVersion } from "@dyn/disagg";
import type { EngineInfo } from "@dyn/engine";
import type { CardFiles, ModelCard } from "@dyn/protocol";
import { formatEndpointId } from "@dyn/runtime";
import { cardParsers } from "./card-parsers.ts";
import type { Topology } from "./read-topology.ts";

/** What frontends are told of the model. */
export function createModelCard(options: {
  readonly args: WorkerArgs;
  readonly modelDirectory: string;
  readonly engine: EngineInfo;
  /** Tokens that the model was made for. */
  readonly architecturalContextLength: number;
  readonly files: CardFiles;
  readonly topology: Topology;
}): ModelCard {
  const { args, engine } = options;
  const [name, ...aliases] = args.derived.servedModelNames;
  const { endpointTypes, useSglangTokenizer: takesText } = args.values.worker;
  // A worker of text reads chats alone.
  const types = endpointTypes
    .filter((type) => type !== "none")
    .filter((type) => !takesText || type === "chat");
  const role = args.derived.servingMode;
  return {
    displayName: name,
    ...(aliases.length === 0 ? {} : { aliases }),
    sourcePath: options.modelDirectory,
    // Prefill workers are asked by routers alone.
    modelTypes: role === "prefill" ? [] : types,
    modelInput: takesText ? "text" : "tokens",
    contextLength: engine.contextLength,
    architecturalContextLength: options.architecturalContextLength,
    kvCacheBlockSize: engine.pageSize,
    endpoint: formatEndpointId(args.derived.endpoint),
    created: Math.floor(Date.now() / 1000),
    files: options.files,
    workerType: role === "agg" ? "aggregated" : role,
    // A decode worker prefills what nobody prefilled: it needs nobody.
    needs: role === "prefill" ? [["decode"]] : [],
    migrationLimit: args.values.worker.migrationLimit,
    ...(args.values.worker.migrationMaxSeqLen === undefined
      ? {}
      : { migrationMaxSeqLen: args.values.worker.migrationMaxSeqLen }),
    runtimeConfig: {
      totalKvBlocks: engine.pageCount,
      maxNumSeqs: engine.maxRunningRequests,
      maxNumBatchedTokens: args.values.engine.maxPrefillTokens,
      dataParallelSize: args.values.engine.dpSize,
      // There its parsers are its own affair: a frontend that used them would look twice.
      ...(takesText ? {} : cardParsers(args)),
      enableLocalIndexer: args.derived.useKvEvents && role !== "decode",
      kvEventPublishingEnabled: args.derived.useKvEvents,
      ...runtimeData(role, takesText),
      ...meetingPlace(engine),
      ...handOverTerms(engine),
      ...options.topology,
    },
  };
}

/** Facts that Dynamo's frontends look up by name. */
function runtimeData(
  role: WorkerArgs["derived"]["servingMode"],
  takesText: boolean,
): Pick<NonNullable<ModelCard["runtimeConfig"]>, "runtimeData"> {
  const facts = {
    // Bodies of SGLang's own /generate may come: they are token ids.
    ...(takesText ? {} : { sglang_generate: true }),
    ...(role === "agg" ? {} : { disagg_prefill_cancel_anytime_v1: true }),
  };
  return Object.keys(facts).length === 0 ? {} : { runtimeData: facts };
}

/** What the other half of a pair must agree on. */
function handOverTerms({
  disaggregation,
  kvLayout,
}: EngineInfo): Pick<NonNullable<ModelCard["runtimeConfig"]>, "handOver"> {
  if (disaggregation === null) return {};
  const transports = [...disaggregation.transports];
  return { handOver: { protocolVersion: handOverProtocolVersion, transports, kv: kvLayout } };
}

/** Where decode workers ask for the KV of their prompts. */
function meetingPlace({
  disaggregation,
}: EngineInfo): Pick<NonNullable<ModelCard["runtimeConfig"]>, "disaggregatedEndpoint"> {
  const { bootstrapHost = null, bootstrapPort = null } = disaggregation ?? {};
  return bootstrapHost === null || bootstrapPort === null
    ? {}
    : { disaggregatedEndpoint: { bootstrapHost, bootstrapPort } };
}
