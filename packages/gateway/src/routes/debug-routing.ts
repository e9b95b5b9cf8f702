// GET /debug/routing: the last decisions of each model's router, and what it knows its workers to hold.
import { decisionToJson, type KvRouter, prefillDecisionToJson } from "@dyn/router";
import { formatEndpointId } from "@dyn/runtime";
import type { GatewayContext } from "../gateway-context.ts";
import type { Route } from "../http/router.ts";
import { sendJson } from "../http/send-json.ts";

const shownDecisions = 100;

export function debugRoutingRoute({ models }: GatewayContext): Route {
  return {
    method: "GET",
    path: "/debug/routing",
    doc: { tag: "Operation", summary: "Why requests went where they went." },
    access: "admin",
    handle: ({ response }) => {
      sendJson(response, 200, {
        models: models.list().flatMap((model) => model.routers().map(describe)),
        prefill: models.list().flatMap((model) =>
          model.disaggregated().map(({ decisions }) => ({
            model: model.name,
            decisions: decisions.list(shownDecisions).map(prefillDecisionToJson),
          })),
        ),
      });
    },
  };
}

function describe(router: KvRouter) {
  return {
    model: router.model,
    endpoint: formatEndpointId(router.endpoint),
    mode: router.settings.useKvEvents ? "kv" : "kv-approximate",
    router_id: router.routerId.toString(),
    block_size: router.blockSize,
    ...describeRouter(router),
    queue_depth: router.queue?.depth ?? 0,
    sources: router.intake?.followers.map(({ rank, cursor, isRecovering, counters }) => ({
      worker_id: rank.workerId.toString(),
      dp_rank: rank.dpRank,
      last_event_id: cursor,
      recovering: isRecovering,
      ...counters,
    })),
    index_counters: router.index.counters,
    cache_audit: router.audit.totals,
    decisions: router.decisions.list(shownDecisions).map(decisionToJson),
  };
}

/** What /health says of it. */
export function describeRouter(router: KvRouter) {
  const { index, intake, active, problems } = router;
  return {
    index: { blocks: index.blockCount, bytes: index.sizeBytes },
    event_sources: intake?.followers.length ?? 0,
    active_requests: active.requestCount,
    worker_problems: problems.map(({ workerId, dpRank, kind, message }) => ({
      worker_id: workerId.toString(),
      dp_rank: dpRank,
      kind,
      message,
    })),
  };
}
