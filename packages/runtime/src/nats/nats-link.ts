// One connection to NATS that never gives up once it stood: it comes back by itself, its subscriptions with it.
// What is published while it is away is lost inside the client, so whoever publishes asks `isConnected` first.
import { readFile } from "node:fs/promises";
import { UnavailableError } from "@dyn/protocol";
import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import { loadNats, type NatsLibrary } from "./nats-library.ts";

export interface NatsOptions {
  /** Default nats://localhost:4222. */
  readonly servers?: readonly string[] | undefined;
  /** One of: user and password, token, nkey seed, credentials file. Without any: user/user (Dynamo 1.6.1). */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  readonly nkeySeed?: string | undefined;
  readonly credentialsFile?: string | undefined;
  /** PEM files. */
  readonly tls?: {
    readonly caFile?: string | undefined;
    readonly certFile?: string | undefined;
    readonly keyFile?: string | undefined;
    readonly isInsecure?: boolean | undefined;
  };
  /** For the first connection. Default 5 000 ms. */
  readonly connectTimeoutMs?: number;
  readonly onProblem?: (message: string, error: unknown) => void;
}

const reconnectPauseMs = 250;
/** A server that answers no ping for two of these is taken for dead. */
const pingIntervalMs = 10_000;

export class NatsLink {
  readonly connection: NatsConnection;
  readonly library: NatsLibrary;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #listeners = new Set<(isConnected: boolean) => void>();
  readonly #following: Promise<void>;
  #isConnected = true;

  private constructor(connection: NatsConnection, library: NatsLibrary, options: NatsOptions) {
    this.connection = connection;
    this.library = library;
    this.#onProblem = options.onProblem ?? (() => {});
    this.#following = this.#follow();
  }

  /** Throws UnavailableError when no server takes the connection in time. */
  static async open(options: NatsOptions): Promise<NatsLink> {
    const servers = [...(options.servers ?? ["nats://localhost:4222"])];
    const library = await loadNats();
    try {
      const connection = await library.connect({
        servers,
        ...(await credentials(options, library)),
        ...(options.tls === undefined ? {} : { tls: tlsOptions(options.tls) }),
        timeout: options.connectTimeoutMs ?? 5_000,
        maxReconnectAttempts: -1,
        reconnectTimeWait: reconnectPauseMs,
        ignoreAuthErrorAbort: true,
        pingInterval: pingIntervalMs,
      });
      return new NatsLink(connection, library, options);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new UnavailableError(
        `NATS at ${servers.join(", ")} takes no connection (${why}). Start it, or set NATS_SERVER and the NATS_AUTH_ variables.`,
        { code: "DYN_RUNTIME_NATS_UNREACHABLE", cause },
      );
    }
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Called at each loss and each return. Gives back how to end it. */
  onChange(listener: (isConnected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for the server to have seen all that was sent; `false` when it did not say so in time. */
  async flush(timeoutMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, false);
    });
    const flushed = this.connection.flush().then(
      () => true,
      () => false,
    );
    const isFlushed = await Promise.race([flushed, late]);
    clearTimeout(timer);
    return isFlushed;
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.connection.close();
    await this.#following;
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect") this.#tell(false, `NATS at ${status.server} is gone.`);
      else if (status.type === "reconnect") this.#tell(true, `NATS at ${status.server} is back.`);
      else if (status.type === "error") this.#onProblem("NATS reports an error.", status.error);
    }
  }

  #tell(isConnected: boolean, message: string): void {
    this.#isConnected = isConnected;
    this.#onProblem(message, null);
    for (const listener of this.#listeners) listener(isConnected);
  }
}

async function credentials(
  options: NatsOptions,
  { credsAuthenticator, nkeyAuthenticator }: NatsLibrary,
): Promise<Partial<NodeConnectionOptions>> {
  const { username, password, token, nkeySeed, credentialsFile } = options;
  if (credentialsFile !== undefined) {
    return { authenticator: credsAuthenticator(await readFile(credentialsFile)) };
  }
  if (nkeySeed !== undefined) return { authenticator: nkeyAuthenticator(Buffer.from(nkeySeed)) };
  if (token !== undefined) return { token };
  return { user: username ?? "user", pass: password ?? "user" };
}

function tlsOptions(
  tls: NonNullable<NatsOptions["tls"]>,
): NonNullable<NodeConnectionOptions["tls"]> {
  const { caFile, certFile, keyFile, isInsecure } = tls;
  const verification: object = isInsecure === true ? { rejectUnauthorized: false } : {};
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...verification,
  };
}
