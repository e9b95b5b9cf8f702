// The drivers that a process's options name. The only place that knows all of them.
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UnavailableError } from "@dyn/protocol";
import { drawU64 } from "../address/instance-id.ts";
import type { Discovery } from "../discovery/discovery.ts";
import { EtcdDiscovery, type EtcdDiscoveryOptions } from "../discovery/etcd-discovery.ts";
import { FileDiscovery } from "../discovery/file-discovery.ts";
import type { Planes } from "../distributed-runtime.ts";
import { MemEventPlane, MemTopics } from "../event/mem-event-plane.ts";
import { createMemHub } from "../mem-hub.ts";
import { TcpRequestPlane, type TcpRequestPlaneOptions } from "../request/tcp/tcp-request-plane.ts";

export interface PlaneOptions {
  readonly discoveryBackend: "kubernetes" | "etcd" | "file" | "mem";
  readonly requestPlane?: "tcp" | "nats";
  readonly responsePlane?: "tcp" | "quic";
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

export async function createPlanes(
  options: PlaneOptions,
  settings: PlaneSettings = {},
): Promise<Planes> {
  if (options.discoveryBackend === "mem") return createMemHub().createPlanes();
  if (options.requestPlane === "nats") {
    throw noDriver("request plane", "nats", "--request-plane tcp");
  }
  if (options.responsePlane === "quic") {
    throw noDriver("response plane", "quic", "--response-plane tcp");
  }
  return {
    discovery: await createDiscovery(options, settings),
    requestPlane: new TcpRequestPlane(settings.tcp),
    eventPlane: new MemEventPlane({ topics: new MemTopics() }),
  };
}

async function createDiscovery(
  options: PlaneOptions,
  { onProblem }: PlaneSettings,
): Promise<Discovery> {
  const problem = onProblem === undefined ? {} : { onProblem };
  switch (options.discoveryBackend) {
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
    default:
      throw noDriver(
        "discovery backend",
        options.discoveryBackend,
        "--discovery-backend etcd or file",
      );
  }
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
