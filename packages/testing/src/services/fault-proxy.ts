// A TCP proxy that misbehaves on demand: a network between two processes of one machine.
import { connect, createServer, type Server, type Socket } from "node:net";

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Which connections a fault befalls. Default: all. */
type Filter = (target: Target) => boolean;

interface Pair {
  readonly target: Target;
  readonly near: Socket;
  readonly far: Socket;
}

const everything: Filter = () => true;

export class FaultProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #target: (() => Target) | null;
  readonly #pairs = new Set<Pair>();
  readonly #silent = new Set<Pair>();
  #silences: Filter | null = null;
  #delayOf: () => number = () => 0;

  private constructor(server: Server, port: number, target: (() => Target) | null) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on("connection", (near) => this.#accept(near));
  }

  /** `target` is asked at each connection; `null`: each says it in its first line, `host port`. */
  static async listen(target: (() => Target) | null): Promise<FaultProxy> {
    const server = createServer({ noDelay: true, pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    return new FaultProxy(server, address.port, target);
  }

  get connectionCount(): number {
    return this.#pairs.size;
  }

  /** Connections stay open and nothing passes, in either direction: a partition, or half-open peers. */
  silence(filter: Filter = everything): void {
    this.#silences = filter;
    for (const pair of this.#pairs) if (filter(pair.target)) this.#pause(pair);
  }

  /** What waited passes now. */
  speak(): void {
    this.#silences = null;
    for (const { near, far } of this.#silent) {
      near.resume();
      far.resume();
    }
    this.#silent.clear();
  }

  /** Connections that are silent stay so for good, and open; new ones pass. */
  forget(): void {
    this.#silences = null;
  }

  /** Each chunk waits so long, in both directions, and keeps its place. */
  delay(delayOf: () => number): void {
    this.#delayOf = delayOf;
  }

  /** Resets connections. Gives how many. */
  cut(filter: Filter = everything): number {
    const chosen = [...this.#pairs].filter(({ target }) => filter(target));
    for (const { near, far } of chosen) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    return chosen.length;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket): void {
    // An error is followed by close.
    near.on("error", () => near.destroy());
    if (this.#target !== null) {
      this.#connect(near, this.#target());
      return;
    }
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\n");
      if (end < 0) return;
      near.off("data", onData);
      near.pause();
      if (end + 1 < head.length) near.unshift(head.subarray(end + 1));
      const [host = "", port] = head.toString("latin1", 0, end).split(" ");
      this.#connect(near, { host, port: Number(port) });
    };
    near.on("data", onData);
    near.resume();
  }

  #connect(near: Socket, target: Target): void {
    const far = connect({ ...target, noDelay: true });
    const pair = { target, near, far };
    this.#pairs.add(pair);
    far.on("error", () => far.destroy());
    for (const socket of [near, far]) {
      socket.on("close", () => {
        this.#pairs.delete(pair);
        this.#silent.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
    this.#forward(pair, near, far);
    this.#forward(pair, far, near);
    if (this.#silences?.(target)) this.#pause(pair);
    else near.resume();
  }

  #pause(pair: Pair): void {
    this.#silent.add(pair);
    pair.near.pause();
    pair.far.pause();
  }

  #forward(pair: Pair, from: Socket, to: Socket): void {
    /** Timers do not keep their order to the millisecond; what they let go does. */
    const waiting: (() => void)[] = [];
    let lastAtMs = 0;
    const inTurn = (action: () => void) => {
      const nowMs = performance.now();
      lastAtMs = Math.max(lastAtMs, nowMs + this.#delayOf());
      if (waiting.length === 0 && lastAtMs <= nowMs) {
        action();
        return;
      }
      waiting.push(action);
      setTimeout(() => waiting.shift()?.(), lastAtMs - nowMs);
    };
    const write = (chunk: Buffer) => {
      if (to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once("drain", () => {
        if (!this.#silent.has(pair)) from.resume();
      });
    };
    from.on("data", (chunk) => inTurn(() => write(chunk)));
    from.on("end", () => inTurn(() => to.end()));
  }
}
