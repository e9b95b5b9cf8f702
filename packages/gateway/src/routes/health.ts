// GET /health, /live: from what discovery and the server say now.
import { formatEndpointId, type InstanceRecord } from "@dyn/runtime";
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";
import { describeRouter } from "./debug-routing.ts";

export function healthRoutes(
  { runtime, servesNamespace, models }: GatewayContext,
  server: { readonly isDraining: () => boolean },
): Route[] {
  return [
    {
      method: "GET",
      path: "/health",
      doc: { tag: "Operation", summary: "What the server sees of its workers." },
      whileDraining: true,
      access: "open",
      handle: async ({ response }) => {
        if (server.isDraining()) {
          const message = "The server finishes what runs and takes nothing new.";
          sendJson(response, 503, { status: "not_ready", stage: "draining", message });
          return;
        }
        const records = await runtime.planes.discovery.list("v1/instances");
        const instances = records.flatMap((record) =>
          record.type === "instance" && servesNamespace(record.instance.id.namespace)
            ? [describeInstance(record)]
            : [],
        );
        const endpoints = [...new Set(instances.map(({ address }) => address))].sort();
        sendJson(response, 200, {
          status: "healthy",
          endpoints,
          instances: instances.map(({ description }) => description),
          ...describeRouting(models),
        });
      },
    },
    {
      method: "GET",
      path: "/live",
      doc: { tag: "Operation", summary: "The process answers." },
      whileDraining: true,
      access: "open",
      handle: ({ response }) => {
        sendJson(response, 200, { status: "live", message: "The server answers." });
      },
    },
  ];
}

/** Workers whose caches a KV router cannot know are named here; requests are served all the same. */
function describeRouting(models: GatewayContext["models"]) {
  const routing = models
    .list()
    .flatMap((model) =>
      model.routers().map((router) => ({ model: model.name, ...describeRouter(router) })),
    );
  return routing.length === 0 ? {} : { routing };
}

function describeInstance({ instance }: InstanceRecord) {
  const { id, instanceId, transport } = instance;
  return {
    address: formatEndpointId(id),
    description: {
      component: id.component,
      endpoint: id.endpoint,
      namespace: id.namespace,
      // A u64: beyond 2^53 a JSON number would be another one.
      instance_id: instanceId.toString(),
      transport,
    },
  };
}
