// The files of DYN_TCP_TLS_*, read once at start. None given = plain connections.
import { readFile } from "node:fs/promises";
import { InvalidArgumentError } from "@dyn/protocol";
import type { SocketSecurity } from "../request/tcp/socket-security.ts";

export interface TcpTlsOptions {
  /** PEM files. */
  readonly tcpTlsCertPath?: string | undefined;
  readonly tcpTlsKeyPath?: string | undefined;
  readonly tcpTlsCaCertPath?: string | undefined;
  readonly tcpTlsServerName?: string | undefined;
  readonly tcpTlsClientCertPath?: string | undefined;
  readonly tcpTlsClientKeyPath?: string | undefined;
  readonly tcpTlsClientCaCertPath?: string | undefined;
  readonly tcpTlsInsecure?: boolean;
  /** Seconds. */
  readonly tcpTlsHandshakeTimeout?: number | undefined;
}

/** Throws InvalidArgumentError for half a pair and for a file that cannot be read. */
export async function readSocketSecurity(options: TcpTlsOptions): Promise<SocketSecurity | null> {
  const { tcpTlsServerName: serverName, tcpTlsHandshakeTimeout: seconds } = options;
  const isInsecure = options.tcpTlsInsecure ?? false;
  const files = {
    cert: await readPem("DYN_TCP_TLS_CERT_PATH", options.tcpTlsCertPath),
    key: await readPem("DYN_TCP_TLS_KEY_PATH", options.tcpTlsKeyPath),
    ca: await readPem("DYN_TCP_TLS_CA_CERT_PATH", options.tcpTlsCaCertPath),
    clientCert: await readPem("DYN_TCP_TLS_CLIENT_CERT_PATH", options.tcpTlsClientCertPath),
    clientKey: await readPem("DYN_TCP_TLS_CLIENT_KEY_PATH", options.tcpTlsClientKeyPath),
    clientCa: await readPem("DYN_TCP_TLS_CLIENT_CA_CERT_PATH", options.tcpTlsClientCaCertPath),
  };
  const given = Object.entries(files).filter(([, file]) => file !== undefined);
  if (given.length === 0 && !isInsecure && serverName === undefined) return null;
  checkPair("DYN_TCP_TLS_CERT_PATH", files.cert, "DYN_TCP_TLS_KEY_PATH", files.key, true);
  checkPair(
    "DYN_TCP_TLS_CLIENT_CERT_PATH",
    files.clientCert,
    "DYN_TCP_TLS_CLIENT_KEY_PATH",
    files.clientKey,
    false,
  );
  return {
    ...(Object.fromEntries(given) as SocketSecurity),
    isInsecure,
    ...(serverName === undefined ? {} : { serverName }),
    ...(seconds === undefined ? {} : { handshakeTimeoutMs: seconds * 1000 }),
  };
}

async function readPem(env: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (error) {
    throw new InvalidArgumentError(`${env}: the file ${path} cannot be read.`, {
      code: "DYN_RUNTIME_TLS_CERTIFICATE",
      cause: error,
    });
  }
}

function checkPair(
  certEnv: string,
  cert: Buffer | undefined,
  keyEnv: string,
  key: Buffer | undefined,
  isNeeded: boolean,
): void {
  if (cert === undefined && key === undefined && !isNeeded) return;
  if (cert !== undefined && key !== undefined) return;
  throw new InvalidArgumentError(
    isNeeded
      ? `TLS between processes needs a server certificate and its key on every process, for both legs listen. Set ${certEnv} and ${keyEnv}.`
      : `A client certificate and its key belong together. Set both ${certEnv} and ${keyEnv}, or neither.`,
    { code: "DYN_RUNTIME_TLS_CERTIFICATE" },
  );
}
