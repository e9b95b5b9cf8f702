import type { CandidateRecord, DecisionRecord } from "./decision-record.ts";

const shownCandidates = 64;

/** What was decided, with the cheapest candidates in front. */
export function makeDecision(
  parts: Omit<
    DecisionRecord,
    "workerId" | "dpRank" | "promptBlocks" | "overlapBlocks" | "candidates" | "candidateCount"
  > & { readonly winner: CandidateRecord; readonly candidates: readonly CandidateRecord[] },
): DecisionRecord {
  const { winner, candidates, ...rest } = parts;
  const shown = [...candidates].sort((a, b) => a.logit - b.logit);
  return {
    ...rest,
    promptBlocks: Math.ceil(rest.tokenCount / rest.blockSize),
    workerId: winner.workerId,
    dpRank: winner.dpRank,
    overlapBlocks: Math.round(winner.credit),
    candidates: shown.slice(0, shownCandidates),
    candidateCount: candidates.length,
  };
}
