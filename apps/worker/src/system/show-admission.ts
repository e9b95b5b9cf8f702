import type { MetricsRegistry } from "@dyn/metrics";
import type { AdmissionGate } from "@dyn/runtime";

/** The families of Dynamo 1.6.1, read when the page is rendered. */
export function showAdmission(registry: MetricsRegistry, admission: AdmissionGate): void {
  const running = registry.gauge({ name: "dynamo_engine_request", help: "Requests that run" });
  const waiting = registry.gauge({
    name: "dynamo_request_queue",
    help: "Requests that wait to run",
  });
  const refused = registry.counter({
    name: "dynamo_rejection_request_total",
    help: "Requests refused because the queue was full",
  });
  let shown = 0;
  registry.onRender(() => {
    running.set(admission.runningCount);
    waiting.set(admission.waitingCount);
    refused.inc(admission.refusedCount - shown);
    shown = admission.refusedCount;
  });
}
