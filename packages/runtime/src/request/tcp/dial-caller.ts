// A worker's connection back to a caller, for one stream: dialled within a deadline, and named by its handshake.
import { once } from "node:events";
import type { Socket } from "node:net";
import { UnavailableError } from "@dyn/protocol";
import { encodeTwoPart } from "../../codec/two-part-message.ts";
import type { CallHomeTarget } from "./control-message.ts";
import { openSocket } from "./open-socket.ts";
import type { SocketSecurity } from "./socket-security.ts";

export interface DialOptions {
  readonly target: CallHomeTarget;
  readonly connectTimeoutMs: number;
  /** Whether the caller is dialled over TLS, and how. */
  readonly security: SocketSecurity | null;
  /** Gives up dialling. */
  readonly signal: AbortSignal;
}

/** Throws UnavailableError when the caller cannot be reached, the signal's reason when it is aborted. */
export async function dialCaller(
  options: DialOptions,
  streamType: "request" | "response",
): Promise<Socket> {
  const { target, security, connectTimeoutMs, signal } = options;
  const { host, port, subject } = target;
  const { socket, openEvent } = openSocket({ host, port, security });
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new Error(`no connection within ${connectTimeoutMs} ms`)),
    connectTimeoutMs,
  );
  try {
    await once(socket, openEvent, { signal: AbortSignal.any([timeout.signal, signal]) });
  } catch (error) {
    // Destroyed while it connects, it may still report why.
    socket.on("error", () => socket.destroy());
    socket.destroy();
    signal.throwIfAborted();
    const { message } = timeout.signal.aborted ? timeout.signal.reason : (error as Error);
    throw new UnavailableError(
      `The caller's ${streamType} address ${host}:${port} cannot be reached${security === null ? "" : " over TLS"}: ${message}`,
      { code: "DYN_RUNTIME_CANNOT_CONNECT", cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
  const handshake = JSON.stringify({ subject, stream_type: streamType });
  socket.write(encodeTwoPart(Buffer.from(handshake)));
  return socket;
}
