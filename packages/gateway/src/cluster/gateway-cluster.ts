// The primary of `--http-workers`: deals connections, keeps what the workers share, replaces those that die.
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { createMetricsRegistry, type MetricsSnapshot } from "@dyn/metrics";
import { DynError } from "@dyn/protocol";
import { AccountBook } from "./account-book.ts";
import type { ToPrimary, ToWorker } from "./cluster-message.ts";
import { workerCountVariable, workerNumberVariable } from "./cluster-worker.ts";
import { ConnectionDealer, type Player } from "./connection-dealer.ts";
import type { GatewayClusterOptions } from "./gateway-cluster-options.ts";
import { LoadBoard } from "./load-board.ts";
import { MetricsBoard } from "./metrics-board.ts";
import { RestartPolicy } from "./restart-policy.ts";
import { ThresholdBoard } from "./threshold-board.ts";
import { describeEnd, endOf, startError } from "./worker-end.ts";

interface Member extends Player {
  readonly id: number;
  /** Its place: kept by the one that replaces it. */
  readonly number: number;
  readonly process: ChildProcess;
  isReady: boolean;
}

/**
 * Several gateway processes behind one port. Start it by `GatewayCluster.start`; it ends by `close`, or by itself
 * when workers keep dying.
 */
export class GatewayCluster {
  /** Rejects when workers die faster than it makes sense to replace them. */
  readonly ended: Promise<never>;
  readonly #options: GatewayClusterOptions;
  readonly #dealer: ConnectionDealer;
  readonly #registry = createMetricsRegistry();
  /** By id, which is new with every process. */
  readonly #members = new Map<number, Member>();
  readonly #accounts: AccountBook;
  readonly #loads: LoadBoard;
  readonly #thresholds: ThresholdBoard;
  readonly #metrics: MetricsBoard;
  readonly #policy: RestartPolicy;
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #restartCount: { inc(labels: Record<string, string>): void };
  #lastId = 0;
  #isEnding = false;
  #fail: (error: Error) => void = () => {};

  private constructor(options: GatewayClusterOptions, dealer: ConnectionDealer) {
    this.#options = options;
    this.#dealer = dealer;
    this.#accounts = new AccountBook({ send: this.#send });
    this.#loads = new LoadBoard(this.#send);
    this.#thresholds = new ThresholdBoard(this.#send);
    this.#metrics = new MetricsBoard({ send: this.#send, own: () => this.#ownMetrics() });
    this.#policy = new RestartPolicy({ workerCount: options.workerCount });
    this.ended = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    // Whoever starts it may not wait for it.
    this.ended.catch(() => {});
    const workers = this.#registry.gauge({
      name: "dyn_http_workers",
      help: "Gateway processes that take requests",
    });
    this.#registry.onRender(() =>
      workers.set([...this.#members.values()].filter(({ isReady }) => isReady).length),
    );
    this.#restartCount = this.#registry.counter({
      name: "dyn_http_worker_restarts_total",
      help: "Gateway processes that died and were replaced",
      labelNames: ["worker"],
    });
  }

  /** Resolves when all workers take requests; rejects when one of them cannot, or the address cannot be had. */
  static async start(options: GatewayClusterOptions): Promise<GatewayCluster> {
    const gateways = new GatewayCluster(options, await ConnectionDealer.listen(options));
    try {
      // The first says alone what is wrong with the options.
      await gateways.#start(1);
      const others = Array.from({ length: options.workerCount - 1 }, (_, i) => i + 2);
      await Promise.all(others.map((number) => gateways.#start(number)));
    } catch (error) {
      await gateways.drain();
      throw error;
    }
    return gateways;
  }

  get port(): number {
    return this.#dealer.port;
  }

  /** All workers finish what runs; those that do not end in time are killed. `complete`: nothing was cut off. */
  async drain(): Promise<{ readonly complete: boolean }> {
    this.#isEnding = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    const ends = [...this.#members.values()].map(({ process: worker }) => endOf(worker));
    for (const id of this.#members.keys()) this.#send(id, { type: "drain" });
    const timer = setTimeout(() => this.#killAll(), this.#options.drainTimeoutMs);
    const codes = await Promise.all(ends);
    clearTimeout(timer);
    this.#accounts.close();
    this.#dealer.close();
    return { complete: codes.every((code) => code === 0) };
  }

  #killAll(): void {
    const numbers = [...this.#members.values()].map(({ number }) => number);
    this.#options.logger.warn("Workers did not end in time and are killed.", { workers: numbers });
    for (const { process: worker } of this.#members.values()) worker.kill("SIGKILL");
  }

  /** Resolves when the worker takes requests. */
  async #start(number: number): Promise<void> {
    const { signal, workerCount } = this.#options;
    signal.throwIfAborted();
    const worker = fork(process.argv[1]!, process.argv.slice(2), {
      env: {
        ...process.env,
        [workerNumberVariable]: String(number),
        [workerCountVariable]: String(workerCount),
      },
    });
    const member = this.#join(number, worker);
    await new Promise<void>((resolve, reject) => {
      worker.on("message", (message: ToPrimary) => {
        if (message.type === "accepting") {
          member.isReady = true;
          this.#dealer.join(member);
          resolve();
        } else this.#receive(member, message);
      });
      worker.on("error", (error) => {
        this.#options.logger.warn("A worker cannot be reached.", {
          worker: number,
          error: String(error),
        });
        if (worker.pid === undefined) reject(error);
      });
      worker.once("exit", (code, killedBy) => {
        this.#left(member);
        if (!member.isReady) reject(startError(number, code, killedBy));
        else if (!this.#isEnding) this.#replace(number, code, killedBy);
      });
    });
  }

  #join(number: number, worker: ChildProcess): Member {
    this.#lastId += 1;
    const id = this.#lastId;
    const deal = (connection: number, socket: Socket) => {
      const message: ToWorker = { type: "connection", id: connection };
      // Kept open here until the worker has it. A worker that is gone is told of by its exit.
      if (worker.connected) worker.send(message, socket, { keepOpen: true }, () => {});
    };
    const member: Member = { id, number, process: worker, isReady: false, deal };
    this.#members.set(id, member);
    this.#loads.join(id);
    this.#thresholds.join(id);
    this.#metrics.join(id);
    return member;
  }

  #receive(member: Member, message: ToPrimary): void {
    const { id } = member;
    switch (message.type) {
      case "took":
        this.#dealer.took(message.id);
        return;
      case "leaving":
        this.#dealer.leave(member);
        return;
      case "load":
        this.#loads.change(id, message.changes);
        return;
      case "thresholds":
        this.#thresholds.set(id, message);
        return;
      case "thresholds-taken":
        this.#thresholds.taken(id, message.id);
        return;
      case "metrics":
        this.#metrics.answered(id, message.id, message.snapshot);
        return;
      case "page-wanted":
        void this.#sendPage(id, message.id);
        return;
      default:
        this.#accounts.receive(id, message);
    }
  }

  #left(member: Member): void {
    const { id } = member;
    this.#members.delete(id);
    this.#dealer.lose(member);
    this.#accounts.leave(id);
    this.#loads.leave(id);
    this.#thresholds.leave(id);
    this.#metrics.leave(id);
  }

  #replace(number: number, code: number | null, killedBy: string | null): void {
    const delayMs = this.#policy.died();
    const how = describeEnd(code, killedBy);
    const { logger } = this.#options;
    if (delayMs === null) {
      this.#fail(
        new DynError(
          `Worker ${number} ended (${how}), and too many did in the last minute. See their log lines; --http-workers 1 runs without them.`,
          { code: "DYN_GATEWAY_WORKERS_DIE", status: 503 },
        ),
      );
      return;
    }
    logger.warn(`Worker ${number} ended (${how}); another takes its place.`, { delayMs });
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#restartCount.inc({ worker: String(number) });
      this.#start(number).then(
        () => logger.info(`Worker ${number} is back.`),
        (error) => {
          if (!this.#isEnding) this.#replace(number, null, String(error));
        },
      );
    }, delayMs);
    this.#restarts.add(timer);
  }

  async #sendPage(worker: number, id: number): Promise<void> {
    const { contentType, body } = await this.#metrics.page();
    this.#send(worker, { type: "page", id, contentType, body });
  }

  async #ownMetrics(): Promise<MetricsSnapshot> {
    const families = await this.#registry.snapshot();
    // What prom-client leaves out of merged pages (when a process began) is shown of the primary.
    return families.map((family) =>
      `${family.aggregator}` === "omit" ? { ...family, aggregator: "first" } : family,
    );
  }

  readonly #send = (id: number, message: ToWorker): void => {
    const worker = this.#members.get(id)?.process;
    if (worker?.connected) worker.send(message);
  };
}
