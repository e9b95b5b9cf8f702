// The drivers that a process's options name. The only place that knows all of them.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UnavailableError } from "@dyn/protocol";
import { drawU64 } from "../address/instance-id.ts";
import { FileDiscovery } from "../discovery/file-discovery.ts";
import type { Planes } from "../distributed-runtime.ts";
import { MemEventPlane, MemTopics } from "../event/mem-event-plane.ts";
import { createMemHub } from "../mem-hub.ts";
import { TcpRequestPlane, type TcpRequestPlaneOptions } from "../request/tcp/tcp-request-plane.ts";

export interface PlaneOptions {
  readonly discoveryBackend: "kubernetes" | "etcd" | "file" | "mem";
  readonly requestPlane?: "tcp" | "nats";
  readonly responsePlane?: "tcp" | "quic";
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
  const { discoveryBackend } = options;
  if (discoveryBackend === "mem") return createMemHub().createPlanes();
  if (discoveryBackend !== "file") {
    throw noDriver("discovery backend", discoveryBackend, "--discovery-backend file");
  }
  if (options.requestPlane === "nats")
    throw noDriver("request plane", "nats", "--request-plane tcp");
  if (options.responsePlane === "quic")
    throw noDriver("response plane", "quic", "--response-plane tcp");
  return {
    discovery: new FileDiscovery({
      root: options.fileKv ?? join(tmpdir(), "dynamo_store_kv"),
      instanceId: drawU64(),
      ...(settings.onProblem === undefined ? {} : { onProblem: settings.onProblem }),
    }),
    requestPlane: new TcpRequestPlane(settings.tcp),
    eventPlane: new MemEventPlane({ topics: new MemTopics() }),
  };
}

function noDriver(what: string, name: string, instead: string): UnavailableError {
  return new UnavailableError(
    `The ${what} ${name} is not part of this release. Give ${instead}, or run everything in one process with \`dyn launch agg\`.`,
    { code: "DYN_RUNTIME_NO_DRIVER" },
  );
}
