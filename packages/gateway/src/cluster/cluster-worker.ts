// A worker's end of the cluster: what it shares with the others goes through here.
import { Socket } from "node:net";
import type { MetricsRegistry } from "@dyn/metrics";
import type { SharedLoad } from "@dyn/runtime";
import type { Accounts } from "../door/accounts.ts";
import type { ThresholdBook } from "../thresholds/threshold-book.ts";
import type { ToPrimary, ToWorker } from "./cluster-message.ts";
import { LeasedAccounts } from "./leased-accounts.ts";
import { WorkerLoads } from "./worker-loads.ts";
import { WorkerThresholds } from "./worker-thresholds.ts";

/** The variables by which the primary tells a worker who it is. */
export const workerNumberVariable = "DYN_HTTP_WORKER_NUMBER";
export const workerCountVariable = "DYN_HTTP_WORKER_COUNT";

interface Page {
  readonly contentType: string;
  readonly body: string;
}

export class ClusterWorker {
  /** From 1 on; the one that replaces it has the same. */
  readonly number: number;
  readonly accounts: Accounts;
  readonly loads: SharedLoad;
  readonly thresholds: ThresholdBook;
  /** Settles when this worker should drain: the primary wants it, or is gone. */
  readonly drainWanted: Promise<void>;
  readonly #registry: MetricsRegistry;
  readonly #leasedAccounts: LeasedAccounts;
  readonly #workerLoads = new WorkerLoads(send);
  readonly #workerThresholds = new WorkerThresholds(send);
  /** Scrapes that wait; the door bounds the requests that are open. */
  readonly #pages = new Map<number, (page: Page) => void>();
  /** Nothing else keeps a process that listens nowhere from ending. */
  readonly #stay = setInterval(() => {}, 0x7fff_ffff);
  #pageId = 0;
  #accept: (socket: Socket) => void = (socket) => socket.destroy();
  #wantDrain = () => {};

  constructor(options: {
    readonly number: number;
    readonly count: number;
    readonly registry: MetricsRegistry;
  }) {
    this.number = options.number;
    this.#registry = options.registry;
    this.#leasedAccounts = new LeasedAccounts({ workerCount: options.count, send });
    this.accounts = this.#leasedAccounts;
    this.loads = this.#workerLoads;
    this.thresholds = this.#workerThresholds;
    this.drainWanted = new Promise((resolve) => {
      this.#wantDrain = resolve;
    });
    process.on("message", (message: ToWorker, handle) => this.#receive(message, handle));
    process.once("disconnect", () => this.#wantDrain());
  }

  /** From now on it gets connections. */
  ready(accept: (socket: Socket) => void): void {
    this.#accept = accept;
    send({ type: "accepting" });
  }

  /** It gets no more connections. */
  leaving(): void {
    send({ type: "leaving" });
  }

  /** The metrics page of all workers together. */
  page(): Promise<Page> {
    const id = this.#pageId++;
    return new Promise((resolve) => {
      this.#pages.set(id, resolve);
      send({ type: "page-wanted", id });
    });
  }

  /** Its last metrics are told before the connection to the primary ends. */
  async leave(): Promise<void> {
    clearInterval(this.#stay);
    await this.#tellMetrics(null);
    if (process.connected) process.disconnect();
  }

  #receive(message: ToWorker, handle: unknown): void {
    switch (message.type) {
      case "connection":
        send({ type: "took", id: message.id });
        // Absent when the client left meanwhile.
        if (handle instanceof Socket) this.#accept(handle);
        return;
      case "drain":
        this.#wantDrain();
        return;
      case "load":
        this.#workerLoads.receive(message);
        return;
      case "thresholds":
      case "thresholds-held":
        this.#workerThresholds.receive(message);
        return;
      case "metrics-wanted":
        void this.#tellMetrics(message.id);
        return;
      case "page":
        this.#pages.get(message.id)?.(message);
        this.#pages.delete(message.id);
        return;
      default:
        this.#leasedAccounts.receive(message);
    }
  }

  async #tellMetrics(id: number | null): Promise<void> {
    send({ type: "metrics", id, snapshot: await this.#registry.snapshot() });
  }
}

/** `null`: this process is not a worker of a cluster. */
export function joinCluster(
  registry: MetricsRegistry,
  env: NodeJS.ProcessEnv = process.env,
): ClusterWorker | null {
  const number = env[workerNumberVariable];
  const count = env[workerCountVariable];
  if (process.send === undefined || number === undefined || count === undefined) return null;
  return new ClusterWorker({ number: Number(number), count: Number(count), registry });
}

/** A worker whose primary is gone drains: there is nobody left to tell. */
function send(message: ToPrimary): void {
  if (process.connected) process.send!(message);
}
