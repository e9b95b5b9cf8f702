// The system server of a worker: up before the model is loaded, down after the last request has ended.
import type { WorkerArgs } from "@dyn/args";
import { createSystemServer, EngineRoutes, HealthState } from "@dyn/health";
import type { Logger } from "@dyn/logging";
import { createMetricsRegistry } from "@dyn/metrics";
import { type ModelCard, nameToSlug } from "@dyn/protocol";
import { type AdmissionGate, type Discovery, findOwnAddress, formatAddress } from "@dyn/runtime";
import { cardFileGroup, withCardUrls } from "./card-file-group.ts";
import { showAdmission } from "./show-admission.ts";
import type { WatchedEngine } from "./watched-engine.ts";

export interface WorkerSystem {
  readonly url: string;
  readonly health: HealthState;
  /** Served below /engine/. */
  readonly engineRoutes: EngineRoutes;
  /** Shows the engine's metrics and serves the files of the card. */
  watch(engine: WatchedEngine, card: ModelCard, admission: AdmissionGate | null): void;
  /** The card with its files as addresses of this server; as it is where local paths are wanted. */
  hostCardFiles(card: ModelCard): ModelCard;
  close(): Promise<void>;
}

/** `null`: DYN_SYSTEM_PORT is -1. `discovery`: whose record of this process is shown; `null`: it joins none. */
export async function startSystem(
  args: WorkerArgs,
  logger: Logger,
  discovery: Discovery | null,
): Promise<WorkerSystem | null> {
  const { host, port, healthPath, livePath, startingHealthStatus, selfHostMetadata } =
    args.values.system;
  if (port < 0) {
    const isShared = args.values.runtime.discoveryBackend === "file";
    if (!isShared && args.values.runtime.discoveryBackend !== "mem") {
      logger.warn(
        "frontends must find the model's files under the same paths as here: set DYN_SYSTEM_PORT=0 to serve them instead",
      );
    }
    return null;
  }
  const health = new HealthState({ startingStatus: startingHealthStatus });
  const registry = createMetricsRegistry();
  const { engineRoutes: access, engineRoutesKey: key } = args.values.system;
  const engineRoutes = new EngineRoutes({ access, key });
  const server = await createSystemServer({
    host,
    port,
    healthPath,
    livePath,
    health: () => health.report(),
    live: () => health.liveReport(),
    metrics: () => registry.render(),
    metadata: () => discovery?.ownMetadata?.() ?? null,
    engineRoutes,
    onProblem: (message, error) => logger.warn(message, { error: String(error) }),
  });
  const url = `http://${formatAddress(reachableHost(args), server.port)}`;
  logger.info("system server", { url });
  return {
    url,
    health,
    engineRoutes,
    watch: (engine, card, admission) => {
      engine.showMetrics(registry);
      if (admission !== null) showAdmission(registry, admission);
      server.addCardFiles(cardFileGroup(card, nameToSlug(card.displayName)));
    },
    hostCardFiles: (card) =>
      selfHostMetadata ? withCardUrls(card, url, nameToSlug(card.displayName)) : card,
    close: () => server.close(),
  };
}

/** What others are told: a server that listens everywhere is reached as the request plane is. */
function reachableHost({ values: { system, runtime } }: WorkerArgs): string {
  if (system.host !== "0.0.0.0" && system.host !== "::") return system.host;
  return runtime.tcpRpcHost ?? findOwnAddress();
}
