// All that stands between a request for one model and its workers.
import type { MetricsRegistry } from "@dyn/metrics";
import { localizeCard } from "@dyn/model-files";
import { cardToChecksum, cardToWire, type ModelCard } from "@dyn/protocol";
import {
  createMigratingClient,
  type KvRouter,
  type MigrationOptions,
  type TokenClient,
} from "@dyn/router";
import type { DistributedRuntime, EndpointClientOptions } from "@dyn/runtime";
import {
  type ChatTemplate,
  createTokenizerPool,
  loadChatTemplate,
  loadTokenizer,
  type Tokenizer,
  type TokenizerPool,
} from "@dyn/tokenizer";
import type { GatewayLogger } from "../logger.ts";
import { checkParsers, type ModelParsers } from "../postprocess/output-reading.ts";
import { TokenNames } from "../postprocess/token-names.ts";
import { modelParsers } from "./model-parsers.ts";
import { readEosTokenIds } from "./read-eos-token-ids.ts";
import { readTemplateOverride } from "./read-template-override.ts";
import { createRoutedClient, type RoutingOptions } from "./routed-client.ts";

export interface ModelPipelineParts {
  readonly card: ModelCard;
  /** When the model became ready at this frontend, in Unix seconds. */
  readonly readyAtSeconds: number;
  readonly client: TokenClient;
  /** `null` in the modes that know nothing of caches. */
  readonly router: KvRouter | null;
  readonly tokenizer: Tokenizer;
  readonly pool: TokenizerPool;
  /** `null`: the model takes no chats. */
  readonly template: ChatTemplate | null;
  readonly eosTokenIds: readonly number[];
  readonly parsers: ModelParsers;
}

export class ModelPipeline {
  readonly card: ModelCard;
  readonly readyAtSeconds: number;
  /** By which workers know what they were asked of: Dynamo's `mdc_sum`. */
  readonly checksum: string;
  readonly client: TokenClient;
  readonly router: KvRouter | null;
  readonly tokenizer: Tokenizer;
  readonly pool: TokenizerPool;
  readonly template: ChatTemplate | null;
  readonly eosTokenIds: readonly number[];
  readonly parsers: ModelParsers;
  readonly names: TokenNames;
  #users = 0;
  #retired = false;

  constructor(parts: ModelPipelineParts) {
    this.card = parts.card;
    this.readyAtSeconds = parts.readyAtSeconds;
    this.client = parts.client;
    this.router = parts.router;
    this.tokenizer = parts.tokenizer;
    this.pool = parts.pool;
    this.template = parts.template;
    this.eosTokenIds = parts.eosTokenIds;
    this.parsers = parts.parsers;
    this.checksum = cardToChecksum(cardToWire(parts.card));
    this.names = new TokenNames(parts.tokenizer);
  }

  /** Runs a request; a pipeline that is retired meanwhile closes when its last request is over. */
  async use<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#users += 1;
    try {
      return await task();
    } finally {
      this.#users -= 1;
      if (this.#retired && this.#users === 0) await this.#close();
    }
  }

  /** No new requests come; running ones finish. */
  async retire(): Promise<void> {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#users === 0) await this.#close();
  }

  async #close(): Promise<void> {
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
  /** Instead of those that the card names. */
  readonly parsers?: ModelParsers | undefined;
  /** Tried for files of the card that are not where it says. */
  readonly filesDirectory?: string | undefined;
  /** Instead of the model's own. */
  readonly chatTemplate?: string | undefined;
  readonly nowMs: () => number;
}): Promise<ModelPipeline> {
  const { card } = options;
  const parsers = modelParsers(card, options.parsers);
  checkParsers(parsers);
  const local = await localizeCard(card, { fallbackDirectory: options.filesDirectory });
  const directory = local.sourcePath;
  const [tokenizer, template, eosTokenIds] = await Promise.all([
    loadTokenizer(directory),
    card.modelTypes.includes("chat")
      ? loadChatTemplate(directory, options.chatTemplate ?? (await readTemplateOverride(local)))
      : null,
    readEosTokenIds(directory),
  ]);
  const { client, router } = createRoutedClient(options);
  return new ModelPipeline({
    card,
    readyAtSeconds: Math.floor(options.nowMs() / 1000),
    client: createMigratingClient(client, options.migration),
    router,
    tokenizer,
    template,
    eosTokenIds,
    parsers,
    pool: createTokenizerPool({ directory, tokenizer }),
  });
}
