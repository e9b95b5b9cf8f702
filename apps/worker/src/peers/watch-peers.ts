// Where a worker tells of peers that it cannot be paired with: its log, its page of metrics, its health.
import type { Logger } from "@dyn/logging";
import type { ModelCard } from "@dyn/protocol";
import type { Discovery } from "@dyn/runtime";
import type { EnginePage } from "../system/engine-page.ts";
import type { WorkerSystem } from "../system/start-system.ts";
import { PeerWatch } from "./peer-watch.ts";

/** `null`: the worker does everything by itself. */
export function watchPeers(options: {
  readonly discovery: Discovery;
  readonly logger: Logger;
  readonly card: ModelCard;
  readonly page: EnginePage;
  readonly system: WorkerSystem | null;
}): PeerWatch | null {
  const { discovery, logger, card, page, system } = options;
  if (card.runtimeConfig?.handOver === undefined) return null;
  const watch = new PeerWatch({
    discovery,
    card,
    onMismatch: (problem) => logger.error(problem),
    onCount: (count) => page.mismatchedPeers(count),
    onProblem: (message, error) => logger.warn(message, { error: String(error) }),
  });
  system?.health.addNotice("hand-over", () => watch.notice);
  return watch;
}
