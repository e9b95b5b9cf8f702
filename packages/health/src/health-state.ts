// What a process says of itself. It is told by others, knows no engine and no network, and never decides by a timer:
// a check that is asked is answered from what is so at that moment.

export type HealthStatus = "ready" | "notready";

/** The body of /health (Dynamo 1.6.1). */
export interface HealthReport {
  readonly status: HealthStatus;
  readonly uptime: { readonly secs: number; readonly nanos: number };
  readonly endpoints: Readonly<Record<string, HealthStatus>>;
  /** Why it is not ready, by check; absent when nothing failed. */
  readonly reasons?: Readonly<Record<string, string>>;
  /** What somebody should see to although it serves, by name; absent when there is nothing. */
  readonly notices?: Readonly<Record<string, string>>;
}

export interface HealthStateOptions {
  /** While there is no endpoint. Default `notready`. */
  readonly startingStatus?: HealthStatus;
  /** Milliseconds, never going back. Default performance.now. */
  readonly now?: () => number;
}

/** `null` = sound, else what is wrong. */
export type HealthCheck = () => string | null;

/** Readiness of one process: its endpoints, and checks that are asked at each report. */
export class HealthState {
  readonly #startingStatus: HealthStatus;
  readonly #now: () => number;
  readonly #startMs: number;
  readonly #endpoints = new Map<string, HealthStatus>();
  readonly #checks = new Map<string, HealthCheck>();
  readonly #lifeChecks = new Map<string, HealthCheck>();
  readonly #notices = new Map<string, HealthCheck>();

  constructor(options: HealthStateOptions = {}) {
    this.#startingStatus = options.startingStatus ?? "notready";
    this.#now = options.now ?? (() => performance.now());
    this.#startMs = this.#now();
  }

  /** From its first report on an endpoint counts. */
  setEndpoint(name: string, status: HealthStatus): void {
    this.#endpoints.set(name, status);
  }

  removeEndpoint(name: string): void {
    this.#endpoints.delete(name);
  }

  /** Asked with every report; one check per name. While it finds something wrong no endpoint is ready. */
  addCheck(name: string, check: HealthCheck): void {
    this.#checks.set(name, check);
  }

  removeCheck(name: string): void {
    this.#checks.delete(name);
  }

  /** What it finds wrong only a new process can mend. One check per name. */
  addLifeCheck(name: string, check: HealthCheck): void {
    this.#lifeChecks.set(name, check);
  }

  /** Asked with every report; what it says makes nothing less ready. One per name. */
  addNotice(name: string, notice: HealthCheck): void {
    this.#notices.set(name, notice);
  }

  /** Ready: every endpoint is, and nothing is wrong. */
  report(): HealthReport {
    const reasons = { ...ask(this.#lifeChecks), ...ask(this.#checks) };
    const isSound = Object.keys(reasons).length === 0;
    const endpoints: Record<string, HealthStatus> = {};
    for (const [name, status] of this.#endpoints) endpoints[name] = isSound ? status : "notready";
    const statuses = Object.values(endpoints);
    const status = statuses.length === 0 ? this.#startingStatus : worst(statuses);
    const notices = ask(this.#notices);
    return {
      status: isSound ? status : "notready",
      uptime: this.#uptime(),
      endpoints,
      ...(isSound ? {} : { reasons }),
      ...(Object.keys(notices).length === 0 ? {} : { notices }),
    };
  }

  /** Of the process alone: `ready` unless a new one is needed. Endpoints are told as in `report`. */
  liveReport(): HealthReport {
    const reasons = ask(this.#lifeChecks);
    const isAlive = Object.keys(reasons).length === 0;
    const { uptime, endpoints } = this.report();
    return {
      status: isAlive ? "ready" : "notready",
      uptime,
      endpoints,
      ...(isAlive ? {} : { reasons }),
    };
  }

  #uptime(): { secs: number; nanos: number } {
    const ms = this.#now() - this.#startMs;
    const secs = Math.floor(ms / 1000);
    return { secs, nanos: Math.floor((ms - secs * 1000) * 1e6) };
  }
}

function ask(checks: ReadonlyMap<string, HealthCheck>): Record<string, string> {
  const reasons: Record<string, string> = {};
  for (const [name, check] of checks) {
    const reason = check();
    if (reason !== null) reasons[name] = reason;
  }
  return reasons;
}

function worst(statuses: readonly HealthStatus[]): HealthStatus {
  return statuses.every((status) => status === "ready") ? "ready" : "notready";
}
