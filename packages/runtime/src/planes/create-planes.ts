// The drivers that a process's options name. The only place that knows all of them.
import { UnavailableError } from "@dyn/protocol";
import type { Planes } from "../distributed-runtime.ts";
import { createMemHub } from "../mem-hub.ts";

export interface PlaneOptions {
  readonly discoveryBackend: "kubernetes" | "etcd" | "file" | "mem";
}

export async function createPlanes(options: PlaneOptions): Promise<Planes> {
  if (options.discoveryBackend === "mem") return createMemHub().createPlanes();
  throw new UnavailableError(
    `The discovery backend ${options.discoveryBackend} is not part of this release. Run frontend and worker in one process with \`dyn launch agg\`, or give --discovery-backend mem.`,
    { code: "DYN_RUNTIME_NO_DRIVER" },
  );
}
