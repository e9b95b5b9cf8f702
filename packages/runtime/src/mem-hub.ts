// Everything that runtimes of one process share when they meet in memory.
import { drawU64 } from "./address/instance-id.ts";
import { MemDiscovery, MemStore } from "./discovery/mem-discovery.ts";
import type { Planes } from "./distributed-runtime.ts";
import { MemEventPlane, MemTopics } from "./event/mem-event-plane.ts";
import { MemEndpoints, MemRequestPlane } from "./request/mem-request-plane.ts";

export interface MemHub {
  /** Planes of one more member of this hub. */
  createPlanes(options?: { readonly instanceId?: bigint }): Planes;
}

/** Each `createPlanes` of it is one process to the others. Needs no close. */
export function createMemHub(): MemHub {
  const store = new MemStore();
  const endpoints = new MemEndpoints();
  const topics = new MemTopics();
  return {
    createPlanes: (options = {}) => ({
      discovery: new MemDiscovery({ store, instanceId: options.instanceId ?? drawU64() }),
      requestPlane: new MemRequestPlane({ endpoints }),
      eventPlane: new MemEventPlane({ topics }),
    }),
  };
}
