// An indexer from its arguments: indexes, engines that are named, peers, listening socket.
import type { IndexerArgs } from "@dyn/args";
import { startServiceSystem } from "@dyn/health";
import { createIndexerServer, KvIndexer } from "@dyn/kv-indexer";
import type { Logger } from "@dyn/logging";
import { createMetricsRegistry } from "@dyn/metrics";
import { formatAddress } from "@dyn/runtime";
import { parseEngines } from "./parse-engines.ts";

export interface RunningIndexer {
  readonly report: { readonly url: string; readonly system?: string };
  drain(): Promise<{ readonly complete: boolean }>;
}

export async function startIndexer(
  { values, notices }: IndexerArgs,
  logger: Logger,
  signal: AbortSignal,
): Promise<RunningIndexer> {
  for (const notice of notices) logger.warn(notice);
  const { host, port, workers, blockSize, modelName, routingGroup, peers, indexBytes } =
    values.indexer;
  const onProblem = (message: string, error: unknown) =>
    logger.warn(message, error === null ? {} : { error: String(error) });
  const engines = parseEngines(workers);
  const metrics = createMetricsRegistry();
  const system = await startServiceSystem({
    ...values.system,
    metrics: () => metrics.render(),
    onProblem,
  });
  const indexer = new KvIndexer({ maxIndexBytes: indexBytes, onProblem });
  try {
    for (const engine of engines) {
      const model = { model: modelName, routingGroup, blockSize: blockSize! };
      await indexer.register({ ...engine, ...model, replayEndpoint: null });
    }
    const server = await createIndexerServer({ indexer, metrics, host, port, onProblem });
    for (const peer of peers) {
      // A peer that is down must not keep this one from serving.
      await server.peers.add(peer, signal).then(
        (blocks) => logger.info("taken over", { peer, blocks }),
        (error) => onProblem(`The peer ${peer} told nothing.`, error),
      );
    }
    system.health.setEndpoint("http", "ready");
    return {
      report: {
        url: urlOf(host, server.port),
        ...(system.port === null ? {} : { system: urlOf(values.system.host, system.port) }),
      },
      drain: async () => {
        system.health.setEndpoint("http", "notready");
        await server.close();
        await indexer.close();
        await system.close();
        return { complete: true };
      },
    };
  } catch (error) {
    await indexer.close();
    await system.close();
    throw error;
  }
}

function urlOf(host: string, port: number): string {
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${formatAddress(shown, port)}`;
}
