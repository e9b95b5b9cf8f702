// Which custom resources count: those of ready pods, by EndpointSlices, or of ready containers, by the pods themselves.
import { z } from "zod";
import { containerResource } from "./pod-identity.ts";
import type { KubeObject } from "./reflector.ts";

const EndpointSlice = z.looseObject({
  endpoints: z
    .array(
      z.looseObject({
        conditions: z.looseObject({ ready: z.boolean().nullish() }).nullish(),
        targetRef: z.looseObject({ name: z.string().nullish() }).nullish(),
      }),
    )
    .nullish(),
});

const Pod = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  status: z
    .looseObject({
      containerStatuses: z.array(z.looseObject({ name: z.string(), ready: z.boolean() })).nullish(),
    })
    .nullish(),
});

/** Names of custom resources. A pod whose readiness is unknown is not ready. */
export function readyResources(
  mode: "pod" | "container",
  objects: Iterable<KubeObject>,
): Set<string> {
  const ready = new Set<string>();
  for (const object of objects) {
    if (mode === "pod") {
      for (const { conditions, targetRef } of EndpointSlice.safeParse(object).data?.endpoints ??
        []) {
        if (conditions?.ready === true && targetRef?.name) ready.add(targetRef.name);
      }
    } else {
      const pod = Pod.safeParse(object).data;
      for (const container of pod?.status?.containerStatuses ?? []) {
        if (container.ready) ready.add(containerResource(pod!.metadata.name, container.name));
      }
    }
  }
  return ready;
}
