// All that stands between a request for one model and its workers, which take token ids.
import type { MetricsRegistry } from "@dyn/metrics";
import type { ModelCard } from "@dyn/protocol";
import {
  createDisaggregatedClient,
  createMigratingClient,
  createPrefillMetrics,
  type DisaggregatedClient,
  HandOverPairs,
  type KvRouter,
  type MigrationOptions,
  type PrefillPool,
  type ThresholdHolder,
  type TokenClient,
  WorkerDirectory,
} from "@dyn/router";
import { type DistributedRuntime, type EndpointClientOptions, parseEndpointId } from "@dyn/runtime";
import type { ChatTemplate, Tokenizer, TokenizerPool, TokenizerPoolOptions } from "@dyn/tokenizer";
import type { GatewayLogger } from "../logger.ts";
import { checkParsers, type ModelParsers } from "../postprocess/output-reading.ts";
import { TokenNames } from "../postprocess/token-names.ts";
import { BasePipeline, type BasePipelineParts } from "./base-pipeline.ts";
import { modelParsers } from "./model-parsers.ts";
import { loadModelText, type ModelText } from "./model-text.ts";
import {
  createRoutedClient,
  createWorkerClient,
  type RoutedClient,
  type RoutingOptions,
} from "./routed-client.ts";

export interface ModelPipelineParts extends BasePipelineParts, ModelText {
  /** The same workers, for prompts of token ids. */
  readonly client: TokenClient;
  /** `null` in the modes that know nothing of caches. */
  readonly router: KvRouter | null;
  readonly thresholds: ThresholdHolder | null;
  /** Where prefill and decode are apart. */
  readonly disaggregated: DisaggregatedClient | null;
  readonly parsers: ModelParsers;
}

/** Of a card with token input. */
export class ModelPipeline extends BasePipeline {
  readonly client: TokenClient;
  readonly router: KvRouter | null;
  readonly thresholds: ThresholdHolder | null;
  readonly disaggregated: DisaggregatedClient | null;
  readonly tokenizer: Tokenizer;
  readonly pool: TokenizerPool;
  readonly template: ChatTemplate | null;
  readonly eosTokenIds: readonly number[];
  readonly parsers: ModelParsers;
  readonly names: TokenNames;

  constructor(parts: ModelPipelineParts) {
    super(parts);
    this.client = parts.client;
    this.router = parts.router;
    this.thresholds = parts.thresholds;
    this.disaggregated = parts.disaggregated;
    this.tokenizer = parts.tokenizer;
    this.pool = parts.pool;
    this.template = parts.template;
    this.eosTokenIds = parts.eosTokenIds;
    this.parsers = parts.parsers;
    this.names = new TokenNames(parts.tokenizer);
  }

  protected override async close(): Promise<void> {
    // Closes the workers' client under it too.
    await this.client.close();
    await this.pool.close();
  }
}

/** Throws what is wrong with the model's files. */
export async function createModelPipeline(options: {
  readonly card: ModelCard;
  readonly runtime: DistributedRuntime;
  readonly client: EndpointClientOptions;
  readonly routing: RoutingOptions;
  readonly metrics: MetricsRegistry;
  readonly logger: GatewayLogger;
  readonly migration: MigrationOptions;
  /** Of decode workers: who prefills for them now. */
  readonly prefillPool: () => PrefillPool | null;
  /** Instead of those that the card names. */
  readonly parsers?: ModelParsers | undefined;
  /** Tried for files of the card that are not where it says. */
  readonly filesDirectory?: string | undefined;
  /** Instead of the model's own. */
  readonly chatTemplate?: string | undefined;
  readonly tokenizing: Pick<TokenizerPoolOptions, "cacheBytes" | "onEncoded">;
  readonly nowMs: () => number;
}): Promise<BasePipeline> {
  const { card } = options;
  const connect = (): BasePipelineParts => ({
    card,
    readyAtSeconds: Math.floor(options.nowMs() / 1000),
    workers: createWorkerClient(options),
  });
  if (card.modelInput === "text") return new BasePipeline(connect());
  const parsers = modelParsers(card, options.parsers);
  checkParsers(parsers);
  const text = await loadModelText(card, options);
  const base = connect();
  const routed = createRoutedClient({ ...options, workers: base.workers });
  const { client, router, thresholds } = routed;
  const disaggregated = card.workerType === "decode" ? joinPrefill(routed, options) : null;
  return new ModelPipeline({
    ...base,
    client: createMigratingClient(disaggregated ?? client, options.migration),
    router,
    thresholds,
    disaggregated,
    ...text,
    parsers,
  });
}

function joinPrefill(
  { client: decode, router, observer }: RoutedClient,
  {
    card,
    runtime,
    routing,
    metrics,
    logger,
    prefillPool,
  }: Pick<
    Parameters<typeof createModelPipeline>[0],
    "card" | "runtime" | "routing" | "metrics" | "logger" | "prefillPool"
  >,
): DisaggregatedClient {
  const model = card.displayName;
  const endpoint = parseEndpointId(card.endpoint);
  const counters = createPrefillMetrics(metrics, model);
  const pairs = new HandOverPairs(
    new WorkerDirectory({
      discovery: runtime.planes.discovery,
      endpoint,
      model,
      onLeft: () => {},
      onProblem: (message, error) => logger.warn(message, { model, error: String(error) }),
    }),
    ({ prefillId, decodeId, differences }) =>
      logger.error(
        "A prefill and a decode worker cannot hand over to each other and are not paired. Start both alike.",
        {
          model,
          prefill: prefillId.toString(16),
          decode: decodeId.toString(16),
          differences: differences.join("; "),
        },
      ),
  );
  const unwatch = counters.watchMismatched(
    endpoint.namespace,
    () => pairs.mismatched(prefillPool()?.workers ?? null).length,
  );
  return createDisaggregatedClient({
    decode,
    router,
    pool: prefillPool,
    pairs,
    onClosed: unwatch,
    model,
    prefillsItself: !(card.needs ?? []).some((set) => set.includes("prefill")),
    conditional: routing.conditional,
    ...(observer.handedOver === undefined ? {} : { onHandedOver: observer.handedOver }),
    onDecision: (decision) => counters.decided(decision),
    onPrefillFailed: ({ cause, workerId }) => {
      counters.failed();
      logger.warn("A prefill failed; another worker does it.", {
        model,
        worker: workerId?.toString() ?? null,
        error: String(cause),
      });
    },
  });
}
