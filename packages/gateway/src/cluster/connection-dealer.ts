// Accepts the connections of the port and deals them to the workers in turn. It reads nothing of what they say.
import { createServer, type Server, type Socket } from "node:net";
import { cannotListen } from "../errors/gateway-errors.ts";

/** Connections that wait while no worker is ready; more are closed. */
const largestQueue = 1_024;

export interface Player {
  /** Hands the socket over; the player says `took(id)` when it has it. */
  deal(id: number, socket: Socket): void;
}

export class ConnectionDealer {
  readonly #server: Server;
  /** Whose turn it is comes first. */
  readonly #players: Player[] = [];
  /** On their way: a player that dies before it took them had no chance to answer, so another one gets them. */
  readonly #dealt = new Map<number, { readonly socket: Socket; readonly player: Player }>();
  readonly #queue: Socket[] = [];
  #id = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      socket.on("error", () => socket.destroy());
      this.#deal(socket);
    });
  }

  /** Throws a DynError when the address cannot be had. */
  static async listen(address: {
    readonly host: string;
    readonly port: number;
  }): Promise<ConnectionDealer> {
    const server = createServer({ pauseOnConnect: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(cannotListen(address, error)));
      server.listen(address.port, address.host, resolve);
    });
    return new ConnectionDealer(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  join(player: Player): void {
    this.#players.push(player);
    for (const socket of this.#queue.splice(0)) this.#deal(socket);
  }

  took(id: number): void {
    // The player has a descriptor of its own: closing this one ends nothing.
    this.#dealt.get(id)?.socket.destroy();
    this.#dealt.delete(id);
  }

  /** Gets no more connections; those that it took it keeps. */
  leave(player: Player): void {
    const at = this.#players.indexOf(player);
    if (at !== -1) this.#players.splice(at, 1);
  }

  /** The player is dead. */
  lose(player: Player): void {
    this.leave(player);
    for (const [id, dealt] of this.#dealt) {
      if (dealt.player !== player) continue;
      this.#dealt.delete(id);
      this.#deal(dealt.socket);
    }
  }

  /** The port is free at once; what players took is theirs. */
  close(): void {
    this.#server.close();
    for (const socket of this.#queue) socket.destroy();
    for (const { socket } of this.#dealt.values()) socket.destroy();
  }

  #deal(socket: Socket): void {
    if (socket.destroyed) return;
    const player = this.#players.shift();
    if (player === undefined) {
      if (this.#queue.length < largestQueue) this.#queue.push(socket);
      else socket.destroy();
      return;
    }
    this.#players.push(player);
    this.#id += 1;
    this.#dealt.set(this.#id, { socket, player });
    player.deal(this.#id, socket);
  }
}
