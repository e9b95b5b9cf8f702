// The drivers that a process's options name. The only place that knows all of them.
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InvalidArgumentError, UnavailableError } from "@dyn/protocol";
import { drawU64 } from "../address/instance-id.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { EtcdDiscovery, type EtcdDiscoveryOptions } from "../discovery/etcd-discovery.ts";
import { FileDiscovery } from "../discovery/file-discovery.ts";
import { KubernetesDiscovery } from "../discovery/kubernetes/kubernetes-discovery.ts";
import type { Planes } from "../distributed-runtime.ts";
import { findOwnAddress } from "../event/advertised-host.ts";
import type { EventPlane } from "../event/event-plane.ts";
import { NatsEventPlane } from "../event/nats-event-plane.ts";
import { ZmqEventPlane } from "../event/zmq-event-plane.ts";
import { createMemHub } from "../mem-hub.ts";
import type { NatsOptions } from "../nats/nats-link.ts";
import { NatsRequestPlane } from "../request/nats/nats-request-plane.ts";
import type { RequestPlane } from "../request/request-plane.ts";
import { formatAddress } from "../request/tcp/control-message.ts";
import { TcpRequestPlane, type TcpRequestPlaneOptions } from "../request/tcp/tcp-request-plane.ts";
import { readSocketSecurity, type TcpTlsOptions } from "./read-socket-security.ts";

export interface PlaneOptions extends TcpTlsOptions {
  readonly discoveryBackend: "kubernetes" | "etcd" | "file" | "mem";
  readonly kubeDiscoveryMode?: "pod" | "container";
  readonly kubePodName?: string | undefined;
  readonly kubePodUid?: string | undefined;
  readonly kubePodNamespace?: string | undefined;
  readonly kubeContainerName?: string | undefined;
  readonly kubeServiceHost?: string | undefined;
  readonly kubeServicePort?: number;
  readonly requestPlane?: "tcp" | "nats";
  readonly responsePlane?: "tcp" | "quic";
  readonly requestPlaneCodec?: "json" | "msgpack";
  /** Answers between our own processes over one connection per pair. Default true. */
  readonly responseMux?: boolean;
  /** What callers are told; default the machine's own address, loopback with file discovery. */
  readonly tcpRpcHost?: string | undefined;
  readonly tcpRpcPort?: number;
  /** What workers are told; default as for requests. */
  readonly tcpResponseStreamHost?: string | undefined;
  readonly tcpResponseStreamPort?: number;
  /** Bytes. */
  readonly tcpMaxMessageSize?: number;
  /** Seconds. */
  readonly tcpRequestTimeout?: number;
  /** Seconds. */
  readonly tcpConnectTimeout?: number;
  /** Seconds: a worker that says nothing for so long is given up. Default 5. */
  readonly peerTimeout?: number;
  /** Unset: zmq, and memory where discovery is in memory. */
  readonly eventPlane?: "zmq" | "nats" | undefined;
  /** What event publishers tell others; default the machine's own address. */
  readonly eventPlaneHost?: string | undefined;
  readonly natsServer?: readonly string[];
  readonly natsAuthUsername?: string | undefined;
  readonly natsAuthPassword?: string | undefined;
  readonly natsAuthToken?: string | undefined;
  readonly natsAuthNkey?: string | undefined;
  readonly natsAuthCredentialsFile?: string | undefined;
  readonly natsRequestTimeoutSecs?: number;
  /** PEM files. */
  readonly natsTlsCaCertPath?: string | undefined;
  readonly natsTlsClientCertPath?: string | undefined;
  readonly natsTlsClientKeyPath?: string | undefined;
  readonly natsTlsInsecure?: boolean;
  readonly etcdEndpoints?: readonly string[];
  readonly etcdLeaseTtl?: number | undefined;
  readonly etcdAuthUsername?: string | undefined;
  readonly etcdAuthPassword?: string | undefined;
  /** PEM files. */
  readonly etcdAuthCa?: string | undefined;
  readonly etcdAuthClientCert?: string | undefined;
  readonly etcdAuthClientKey?: string | undefined;
  /** Folder of the file backend; default `dynamo_store_kv` in the folder for temporary files. */
  readonly fileKv?: string | undefined;
}

export interface PlaneSettings {
  /** Addresses and time-outs of the TCP plane. */
  readonly tcp?: Partial<TcpRequestPlaneOptions>;
  readonly onProblem?: (message: string, error: unknown) => void;
}

/**
 * Connects; throws UnavailableError or InvalidArgumentError with the flag that would help. The caller closes them,
 * mostly through a DistributedRuntime.
 */
export async function createPlanes(
  options: PlaneOptions,
  settings: PlaneSettings = {},
): Promise<Planes> {
  if (options.responsePlane === "quic") {
    throw noDriver("response plane", "quic", "--response-plane tcp");
  }
  if (options.discoveryBackend === "mem") {
    const planes = createMemHub().createPlanes();
    if (options.eventPlane === undefined) return planes;
    const eventPlane = await createEventPlane(options, settings, planes.discovery);
    return { ...planes, eventPlane };
  }
  const discovery = await createDiscovery(options.discoveryBackend, options, settings);
  const opened: { close(): Promise<void> }[] = [discovery];
  try {
    const requestPlane = await createRequestPlane(options, settings);
    opened.unshift(requestPlane);
    const eventPlane = await createEventPlane(options, settings, discovery);
    return { discovery, requestPlane, eventPlane };
  } catch (error) {
    for (const plane of opened) await plane.close();
    throw error;
  }
}

async function createRequestPlane(
  options: PlaneOptions,
  settings: PlaneSettings,
): Promise<RequestPlane> {
  const security = await readSocketSecurity(options);
  const tcp = { ...readTcp(options, settings), security, ...settings.tcp };
  if (options.requestPlane !== "nats") return new TcpRequestPlane(tcp);
  const { natsRequestTimeoutSecs } = options;
  const {
    responseHost: host,
    responsePort,
    prologueTimeoutMs,
    connectTimeoutMs,
    peerTimeoutMs,
    codec,
    responseMux,
  } = tcp;
  return NatsRequestPlane.connect({
    ...readNats(options, settings),
    security,
    ...(host === undefined ? {} : { host }),
    ...(responsePort === undefined ? {} : { responsePort }),
    ...(prologueTimeoutMs === undefined ? {} : { prologueTimeoutMs }),
    ...(connectTimeoutMs === undefined ? {} : { dialTimeoutMs: connectTimeoutMs }),
    ...(peerTimeoutMs === undefined ? {} : { peerTimeoutMs }),
    ...(codec === undefined ? {} : { codec }),
    ...(responseMux === undefined ? {} : { responseMux }),
    ...(natsRequestTimeoutSecs === undefined
      ? {}
      : { acknowledgementTimeoutMs: natsRequestTimeoutSecs * 1000 }),
  });
}

function readTcp(
  options: PlaneOptions,
  { onProblem }: PlaneSettings,
): Partial<TcpRequestPlaneOptions> {
  const { tcpRequestTimeout, tcpConnectTimeout, peerTimeout } = options;
  // Files are shared by the processes of one machine, other backends by machines.
  const own = options.discoveryBackend === "file" ? "127.0.0.1" : findOwnAddress();
  const host = options.tcpRpcHost ?? own;
  return withoutUndefined({
    host,
    responseHost: options.tcpResponseStreamHost ?? host,
    requestPort: options.tcpRpcPort,
    responsePort: options.tcpResponseStreamPort,
    maxPayloadBytes: options.tcpMaxMessageSize,
    acknowledgementTimeoutMs: tcpRequestTimeout && tcpRequestTimeout * 1000,
    connectTimeoutMs: tcpConnectTimeout && tcpConnectTimeout * 1000,
    peerTimeoutMs: peerTimeout && peerTimeout * 1000,
    codec: options.requestPlaneCodec,
    responseMux: options.responseMux,
    onProblem,
  });
}

function withoutUndefined<T extends object>(
  value: {
    readonly [K in keyof T]: T[K] | undefined;
  },
): Partial<T> {
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}

async function createEventPlane(
  options: PlaneOptions,
  settings: PlaneSettings,
  discovery: Discovery,
): Promise<EventPlane> {
  const { onProblem } = settings;
  if (options.eventPlane === "nats") {
    return NatsEventPlane.connect({ ...readNats(options, settings), discovery });
  }
  return new ZmqEventPlane({
    discovery,
    host: options.eventPlaneHost,
    ...(onProblem === undefined ? {} : { onProblem }),
  });
}

function readNats(options: PlaneOptions, { onProblem }: PlaneSettings): NatsOptions {
  const tls = {
    caFile: options.natsTlsCaCertPath,
    certFile: options.natsTlsClientCertPath,
    keyFile: options.natsTlsClientKeyPath,
    isInsecure: options.natsTlsInsecure,
  };
  const hasTls = Object.values(tls).some((value) => value !== undefined && value !== false);
  return {
    servers: options.natsServer,
    username: options.natsAuthUsername,
    password: options.natsAuthPassword,
    token: options.natsAuthToken,
    nkeySeed: options.natsAuthNkey,
    credentialsFile: options.natsAuthCredentialsFile,
    ...(hasTls ? { tls } : {}),
    ...(onProblem === undefined ? {} : { onProblem }),
  };
}

async function createDiscovery(
  backend: Exclude<PlaneOptions["discoveryBackend"], "mem">,
  options: PlaneOptions,
  { onProblem }: PlaneSettings,
): Promise<Discovery> {
  const problem = onProblem === undefined ? {} : { onProblem };
  switch (backend) {
    case "file":
      return new FileDiscovery({
        root: options.fileKv ?? join(tmpdir(), "dynamo_store_kv"),
        instanceId: drawU64(),
        ...problem,
      });
    case "etcd":
      return EtcdDiscovery.connect({
        endpoints: options.etcdEndpoints ?? ["http://localhost:2379"],
        leaseTtlSeconds: options.etcdLeaseTtl,
        username: options.etcdAuthUsername,
        password: options.etcdAuthPassword,
        ...(await readTls(options)),
        ...problem,
      });
    case "kubernetes":
      return KubernetesDiscovery.connect({
        url: kubeUrl(options),
        mode: options.kubeDiscoveryMode ?? "pod",
        podName: options.kubePodName,
        podUid: options.kubePodUid,
        podNamespace: options.kubePodNamespace,
        containerName: options.kubeContainerName,
        ...problem,
      });
  }
}

function kubeUrl({ kubeServiceHost: host, kubeServicePort: port = 443 }: PlaneOptions): string {
  if (host === undefined) {
    throw new InvalidArgumentError(
      "KUBERNETES_SERVICE_HOST is not set: --discovery-backend kubernetes works inside a pod only. Elsewhere give --discovery-backend etcd or file.",
      { code: "DYN_DISCOVERY_NO_POD" },
    );
  }
  return `https://${formatAddress(host, port)}`;
}

async function readTls(options: PlaneOptions): Promise<Pick<EtcdDiscoveryOptions, "tls">> {
  const { etcdAuthCa: ca, etcdAuthClientCert: cert, etcdAuthClientKey: key } = options;
  if (ca === undefined && cert === undefined && key === undefined) return {};
  return {
    tls: {
      ...(ca === undefined ? {} : { rootCertificate: await readFile(ca) }),
      ...(cert === undefined ? {} : { certificate: await readFile(cert) }),
      ...(key === undefined ? {} : { privateKey: await readFile(key) }),
    },
  };
}

function noDriver(what: string, name: string, instead: string): UnavailableError {
  return new UnavailableError(
    `The ${what} ${name} is not part of this release. Give ${instead}, or run everything in one process with \`dyn launch agg\`.`,
    { code: "DYN_RUNTIME_NO_DRIVER" },
  );
}
