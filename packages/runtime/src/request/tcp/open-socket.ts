// Dials a peer, plain or over TLS. What is written before it is connected waits in the socket.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { clientTlsOptions, type SocketSecurity } from "./socket-security.ts";

/** A peer whose machine vanished is noticed although nothing is sent to it: ten questions later, a second apart (libuv). */
export const keepAliveDelayMs = 5_000;

export interface OpenedSocket {
  readonly socket: Socket;
  /** The event that says that bytes can flow. */
  readonly openEvent: "connect" | "secureConnect";
}

export function openSocket(options: {
  readonly host: string;
  readonly port: number;
  readonly security: SocketSecurity | null;
}): OpenedSocket {
  const { host, port, security } = options;
  if (security === null) {
    const socket = connect({ host, port, noDelay: true });
    socket.setKeepAlive(true, keepAliveDelayMs);
    return { socket, openEvent: "connect" };
  }
  const socket = connectTls({ host, port, ...clientTlsOptions(security) });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveDelayMs);
  return { socket, openEvent: "secureConnect" };
}
