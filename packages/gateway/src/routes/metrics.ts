// GET /metrics in Prometheus' text form.
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendText } from "../http/send-json.ts";

export function metricsRoute({ metricsPage }: GatewayContext): Route {
  return {
    method: "GET",
    path: "/metrics",
    doc: {
      tag: "Operation",
      summary: "Metrics in Prometheus' form.",
      contentType: "text/plain",
    },
    whileDraining: true,
    access: "open",
    handle: async ({ response }) => {
      const { contentType, body } = await metricsPage();
      sendText(response, 200, contentType, body);
    },
  };
}
