import type { MetricsRegistry } from "@dyn/metrics";
import type { ConditionalSettings, RouterSettings } from "@dyn/router";
import type { DistributedRuntime, RouterMode, SharedLoad } from "@dyn/runtime";
import type { Tracer } from "@dyn/tracing";
import type { Accounts } from "./door/accounts.ts";
import type { ApiKeyEntry } from "./door/api-key.ts";
import type { HttpTls } from "./http/http-server.ts";
import type { GatewayLimits } from "./limits.ts";
import type { GatewayLogger } from "./logger.ts";
import type { ModelParsers } from "./postprocess/output-reading.ts";
import type { RoutePaths } from "./routes/route-paths.ts";
import type { GatewaySettings } from "./settings.ts";
import type { ThresholdBook } from "./thresholds/threshold-book.ts";

export interface GatewayOptions {
  readonly runtime: DistributedRuntime;
  /** The registry that /metrics shows; the gateway's own metrics are added to it. */
  readonly metrics: MetricsRegistry;
  /** Where the spans of requests go; its owner closes it. Default: nowhere. */
  readonly tracer?: Tracer;
  readonly limits?: Partial<GatewayLimits>;
  readonly settings?: Partial<GatewaySettings>;
  /** How workers of a model are chosen. Default `round-robin`. */
  readonly routerMode?: RouterMode | "kv";
  /** How mode kv decides; what is left out has its default. */
  readonly routerSettings?: Partial<RouterSettings>;
  /** Instead of them, where prefill and decode are apart: among the workers of either. */
  readonly stageSettings?: {
    readonly prefill?: Partial<RouterSettings>;
    readonly decode?: Partial<RouterSettings>;
  };
  /** When decode workers prefill by themselves although prefill workers are there; in mode kv. Default: never. */
  readonly conditionalDisagg?: Partial<ConditionalSettings> | null;
  /** Models of other namespaces are not served. Default: all are. */
  readonly servesNamespace?: (namespace: string) => boolean;
  /** Tried for files of a model's card that are not where it says. */
  readonly modelFilesDirectory?: string | undefined;
  /** Memory for the ids of what each model's tokenizer encoded before; 0: none. Default 64 MiB. */
  readonly tokenizerCacheBytes?: number;
  /** How long a worker that failed is left out while there are others; 0 = not at all. Default 5 000. */
  readonly inhibitMs?: number;
  /** Of mode device-aware-weighted: requests that an accelerator takes while a CPU takes one. Default 8. */
  readonly cpuRatio?: number;
  /** How often a request may go on at another worker when its own is gone, up to how many tokens. Default: never. */
  readonly migration?: { readonly limit: number; readonly maxSeqLen?: number | undefined };
  /** Who may come in: keys of clients. Default: everybody. */
  readonly keys?: readonly ApiKeyEntry[];
  /** Origins whose pages browsers let in; `*` = all. Default: none. */
  readonly corsOrigins?: readonly string[];
  /** Where routes stand instead of at their usual paths. */
  readonly paths?: RoutePaths;
  /** Serves HTTPS. */
  readonly tls?: HttpTls;
  /** What this gateway shares with others of the same port. Default: it is alone. */
  readonly shared?: GatewayShare;
  /** Parsers of all models by the processor's names; where one is `null`, the card's counterpart. Default: the cards' own. */
  readonly parsers?: ModelParsers;
  /** Jinja source of all models' chat template, instead of their own. */
  readonly chatTemplate?: string;
  /** Default: lines of JSON on the standard error stream. */
  readonly logger?: GatewayLogger;
  /** Wall clock in milliseconds since 1970. */
  readonly now?: () => number;
}

/** What is one for all gateways of a port; a ClusterWorker is such a share. */
export interface GatewayShare {
  /** Where the door counts. */
  readonly accounts: Accounts;
  readonly loads: SharedLoad;
  readonly thresholds: ThresholdBook;
  /** The page of metrics of all together. */
  page(): Promise<{ readonly contentType: string; readonly body: string }>;
}
