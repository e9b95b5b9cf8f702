// What makes connections of the plane TLS: what this process shows as a server and as a client, and whom it trusts.
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { InvalidArgumentError } from "@dyn/protocol";

/** PEM texts. Every process both listens and dials: a worker for requests, a caller for answers. */
export interface SocketSecurity {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** Who signs servers; unset = the authorities of Node. */
  readonly ca?: Buffer;
  /** The name that a server's certificate must have instead of its address. */
  readonly serverName?: string;
  readonly clientCert?: Buffer;
  readonly clientKey?: Buffer;
  /** Who signs clients: set, a client without such a certificate is turned away (mutual TLS). */
  readonly clientCa?: Buffer;
  /** Accept any server certificate. */
  readonly isInsecure?: boolean;
  /** Default 3 000 ms. */
  readonly handshakeTimeoutMs?: number;
}

export const defaultTlsHandshakeTimeoutMs = 3_000;

/** Throws InvalidArgumentError without certificate and key. */
export function serverTlsOptions(security: SocketSecurity): TlsOptions {
  const { cert, key, clientCa } = security;
  if (cert === undefined || key === undefined) {
    throw new InvalidArgumentError(
      "TLS between processes needs a server certificate and its key on every process. Set DYN_TCP_TLS_CERT_PATH and DYN_TCP_TLS_KEY_PATH.",
      { code: "DYN_RUNTIME_TLS_CERTIFICATE" },
    );
  }
  return {
    cert,
    key,
    handshakeTimeout: security.handshakeTimeoutMs ?? defaultTlsHandshakeTimeoutMs,
    ...(clientCa === undefined
      ? {}
      : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

export function clientTlsOptions(security: SocketSecurity): ConnectionOptions {
  const { ca, serverName, clientCert, clientKey, isInsecure = false } = security;
  return {
    rejectUnauthorized: !isInsecure,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(clientCert === undefined ? {} : { cert: clientCert }),
    ...(clientKey === undefined ? {} : { key: clientKey }),
  };
}

/** The first bytes of any TLS handshake: record type 22, version 3. No frame of ours begins so. */
export function looksLikeTls(start: Buffer): boolean {
  return start.length >= 3 && start[0] === 0x16 && start[1] === 0x03 && start[2]! <= 0x04;
}

/** What a TLS server answers to plain bytes: record type 21, version 3. */
export function looksLikeTlsAlert(start: Buffer): boolean {
  return start.length >= 3 && start[0] === 0x15 && start[1] === 0x03 && start[2]! <= 0x04;
}
