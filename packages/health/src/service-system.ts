// The system server of a process without an engine: its health, and its page of metrics.
import { HealthState, type HealthStatus } from "./health-state.ts";
import { createSystemServer, type SystemServerOptions } from "./system-server.ts";

export interface ServiceSystemOptions
  extends Pick<SystemServerOptions, "host" | "healthPath" | "livePath" | "metrics" | "onProblem"> {
  /** -1 = no server; 0 = any free port. */
  readonly port: number;
  readonly startingHealthStatus: HealthStatus;
}

export interface ServiceSystem {
  /** Told by the service: its endpoints, and checks that find what keeps them from answering. */
  readonly health: HealthState;
  /** `null`: there is no server. */
  readonly port: number | null;
  close(): Promise<void>;
}

/** Resolves when it listens; throws UnavailableError when it cannot. */
export async function startServiceSystem(options: ServiceSystemOptions): Promise<ServiceSystem> {
  const { startingHealthStatus: startingStatus, ...server } = options;
  const health = new HealthState({ startingStatus });
  if (options.port < 0) return { health, port: null, close: async () => {} };
  const listening = await createSystemServer({
    ...server,
    health: () => health.report(),
    live: () => health.liveReport(),
  });
  return { health, port: listening.port, close: () => listening.close() };
}
