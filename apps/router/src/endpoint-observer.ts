// Requests of the router's own endpoints, counted on its page.
import { createComponentMetrics, type MetricsRegistry, statusToErrorType } from "@dyn/metrics";
import { DynError } from "@dyn/protocol";
import { routerComponent } from "@dyn/router";
import type { RequestObserver } from "@dyn/runtime";

/** The observer of one endpoint. */
export function createEndpointObserver(
  registry: MetricsRegistry,
  options: {
    readonly namespace: string;
    readonly endpoint: string;
    readonly instanceId: bigint;
  },
): RequestObserver {
  const { namespace, endpoint, instanceId } = options;
  const metrics = createComponentMetrics(registry, {
    namespace,
    component: routerComponent,
    endpoint,
    workerId: instanceId.toString(16),
  });
  return {
    begun: (_context, receivedBytes) => {
      const end = metrics.begun(receivedBytes);
      return ({ error, isCancelled, sentBytes }) => {
        const status = DynError.is(error) ? error.status : 500;
        const errorType = isCancelled || error === null ? null : statusToErrorType(status);
        end({ errorType, isCancelled, sentBytes });
      };
    },
  };
}
