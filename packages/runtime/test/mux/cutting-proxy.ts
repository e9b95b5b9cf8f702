// A TCP proxy that passes bytes on in pieces of any size, falls silent, or cuts.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CuttingProxy {
  readonly port: number;
  /** Connections taken so far. */
  readonly connectionCount: number;
  /** From now on nothing passes, either way; connections stay. */
  silence(): void;
  /** Nothing passes, either way, until `release`; nothing is lost. */
  hold(): void;
  release(): void;
  /** Connections end; new ones pass. */
  cut(): void;
  close(): void;
}

export async function openCuttingProxy(
  targetPort: number,
  pieceBytes: () => number = () => Number.POSITIVE_INFINITY,
): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let isSilent = false;
  let connectionCount = 0;
  const pass = (from: Socket, to: Socket) => {
    from.on("data", (chunk) => {
      if (isSilent) return;
      for (let at = 0; at < chunk.length; ) {
        const end = Math.min(chunk.length, at + Math.max(1, pieceBytes()));
        to.write(chunk.subarray(at, end));
        at = end;
      }
      if (!to.writableNeedDrain) return;
      from.pause();
      to.once("drain", () => from.resume());
    });
    from.on("error", () => from.destroy());
    from.on("close", () => to.end());
    sockets.add(from);
  };
  const server = createServer({ noDelay: true }, (near) => {
    connectionCount += 1;
    const far = connect({ host: "127.0.0.1", port: targetPort, noDelay: true });
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    isSilent = false;
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connectionCount() {
      return connectionCount;
    },
    silence: () => {
      isSilent = true;
    },
    hold: () => {
      for (const socket of sockets) socket.pause();
    },
    release: () => {
      for (const socket of sockets) socket.resume();
    },
    cut,
    close: () => {
      cut();
      server.close();
    },
  };
}
