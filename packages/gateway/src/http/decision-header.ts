// `x-dyn-routing-debug: 1` on a request: the answer's header x-dyn-routing says why its worker was chosen.
import type { DecisionRecord } from "@dyn/router";
import type { Exchange } from "./exchange.ts";

const shownCandidates = 8;

export function decisionHeader({ request, response }: Exchange): {
  readonly onDecision?: (record: DecisionRecord) => void;
} {
  if (request.headers["x-dyn-routing-debug"] !== "1") return {};
  return {
    onDecision: (record) => {
      if (!response.headersSent) response.setHeader("x-dyn-routing", toHeader(record));
    },
  };
}

function toHeader(record: DecisionRecord): string {
  return JSON.stringify({
    worker: record.workerId.toString(),
    rank: record.dpRank,
    reason: record.reason,
    overlap: record.overlapBlocks,
    blocks: record.blockCount,
    ties: record.tieCount,
    ...(record.prefill === null
      ? {}
      : {
          prefill: {
            flow: record.prefill.flow,
            reason: record.prefill.reason,
            worker: record.prefill.workerId?.toString() ?? null,
          },
        }),
    candidates: record.candidates.slice(0, shownCandidates).map((it) => ({
      worker: it.workerId.toString(),
      rank: it.dpRank,
      device: it.deviceBlocks,
      prefill: it.activePrefillTokens,
      decode: it.decodeBlocks,
      cost: Math.round(it.logit * 1000) / 1000,
      ...(it.excluded === null ? {} : { excluded: it.excluded }),
    })),
  });
}
