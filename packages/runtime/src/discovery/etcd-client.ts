// How this process talks to etcd: every call ends, a dead connection is noticed, nothing trips a breaker.
import type { IPolicy } from "cockatiel";
import type { Etcd3, IOptions, WatchBuilder } from "etcd3";

export interface EtcdConnectionOptions {
  readonly endpoints: readonly string[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM texts. */
  readonly tls?: {
    readonly rootCertificate?: Buffer;
    readonly certificate?: Buffer;
    readonly privateKey?: Buffer;
  };
  /** Bound of every call. Default 5 000 ms. */
  readonly callTimeoutMs?: number;
}

/** A server allows a ping every 5 s. */
const pingIntervalMs = 6_000;
const pingTimeoutMs = 4_000;

export async function createEtcdClient(options: EtcdConnectionOptions): Promise<Etcd3> {
  // Only here: their gRPC takes 26 MB of a process, which others than etcd's need not have.
  const [{ Etcd3 }, { noop }] = await Promise.all([import("etcd3"), import("cockatiel")]);
  return new Etcd3(clientOptions(options, noop));
}

/**
 * A watch on a stream of its own. etcd3 puts all watches of a client on one, attaches them one after the other, and never
 * gets past one that the server refuses (a compacted revision, a session that it forgot).
 */
export function watchAlone(client: Etcd3): WatchBuilder {
  return client.namespace("").watch();
}

function clientOptions(options: EtcdConnectionOptions, noop: IPolicy): IOptions {
  const { callTimeoutMs = 5_000, tls, username, password } = options;
  return {
    hosts: [...options.endpoints],
    ...(username === undefined ? {} : { auth: { username, password: password ?? "" } }),
    ...(tls === undefined
      ? {}
      : {
          credentials: {
            // Without one the authorities of the system count, which etcd3's type does not know.
            rootCertificate: (tls.rootCertificate ?? null) as Buffer,
            ...(tls.privateKey === undefined ? {} : { privateKey: tls.privateKey }),
            ...(tls.certificate === undefined ? {} : { certChain: tls.certificate }),
          },
        }),
    // A partition leaves watches and heartbeats on a connection that says nothing any more: pings tell.
    grpcOptions: {
      "grpc.keepalive_time_ms": pingIntervalMs,
      "grpc.keepalive_timeout_ms": pingTimeoutMs,
      "grpc.max_reconnect_backoff_ms": 2_000,
    },
    // etcd3 sets no deadline by itself, and its circuit breaker stays open after the server is back.
    defaultCallOptions: (context) =>
      context.isStream ? {} : { deadline: Date.now() + callTimeoutMs },
    faultHandling: { host: () => noop, global: noop },
  };
}
