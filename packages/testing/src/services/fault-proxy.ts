// A TCP proxy that misbehaves on demand: a network between two processes of one machine.
import { connect, createServer, type Server, type Socket } from "node:net";

type Target = () => { readonly host: string; readonly port: number };

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export class FaultProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #target: Target;
  readonly #forgotten = new Set<Pair>();
  #isSilent = false;
  #delayMs = 0;

  private constructor(server: Server, port: number, target: Target) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on("connection", (near) => this.#accept(near));
  }

  /** `target` is asked at each connection. */
  static async listen(target: Target): Promise<FaultProxy> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    return new FaultProxy(server, address.port, target);
  }

  get connectionCount(): number {
    return this.#pairs.size;
  }

  /** Connections stay open and nothing passes, in either direction: a partition, or half-open peers. */
  silence(): void {
    this.#isSilent = true;
    for (const { near, far } of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  /** What waited passes now. */
  speak(): void {
    this.#isSilent = false;
    for (const { near, far } of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  /** Connections that are open now stay silent for good, and open; new ones pass. */
  forget(): void {
    for (const pair of this.#pairs) {
      pair.near.pause();
      pair.far.pause();
      this.#pairs.delete(pair);
      this.#forgotten.add(pair);
    }
    this.#isSilent = false;
  }

  /** Each chunk waits so long, in both directions. */
  delay(forMs: number): void {
    this.#delayMs = forMs;
  }

  /** Resets every connection. Gives how many. */
  cut(): number {
    const count = this.#pairs.size;
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    return count;
  }

  async close(): Promise<void> {
    for (const pair of this.#forgotten) this.#pairs.add(pair);
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket): void {
    const far = connect({ ...this.#target(), noDelay: true });
    const pair = { near, far };
    this.#pairs.add(pair);
    this.#forward(pair, near, far);
    this.#forward(pair, far, near);
    const end = () => {
      this.#pairs.delete(pair);
      this.#forgotten.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      // An error is followed by close.
      socket.on("error", () => socket.destroy());
      socket.on("close", end);
    }
    if (this.#isSilent) {
      near.pause();
      far.pause();
    }
  }

  #passes(pair: Pair): boolean {
    return !this.#isSilent && !this.#forgotten.has(pair);
  }

  #forward(pair: Pair, from: Socket, to: Socket): void {
    const write = (chunk: Buffer) => {
      if (to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once("drain", () => {
        if (this.#passes(pair)) from.resume();
      });
    };
    from.on("data", (chunk) => {
      if (this.#delayMs > 0) setTimeout(write, this.#delayMs, chunk);
      else write(chunk);
    });
    from.on("end", () => {
      if (this.#delayMs > 0) setTimeout(() => to.end(), this.#delayMs);
      else to.end();
    });
  }
}
