// Filter, then score: what a profile makes of the ranks that may take a request.
import type { Candidate } from "../choice/weigh-candidates.ts";
import type { CostSettings } from "../cost/cost-settings.ts";
import { decodeCost, type RequestSize } from "../cost/worker-cost.ts";
import type { CandidateRecord } from "../decision/decision-record.ts";
import type { RankId } from "../load/active-requests.ts";
import type { Profile, ProfileFilter, ScorerType } from "./profile.ts";

export interface ProfileView {
  readonly size: RequestSize;
  readonly cost: CostSettings;
  /** Share of the rank's KV blocks in use, 0 to 1. */
  readonly kvUsage: (rank: RankId) => number;
}

type Exclusion = NonNullable<CandidateRecord["excluded"]>;

/** The same candidates with the profile's scores as costs, and what its filters leave out marked. */
export function applyProfile(
  profile: Profile,
  candidates: readonly Candidate[],
  view: ProfileView,
): Candidate[] {
  let left = candidates.filter(({ record }) => record.excluded === null);
  const excluded = new Map<Candidate, Exclusion>();
  for (const filter of profile.filters) {
    const { keeps, why } = createFilter(filter, left, view.size);
    const kept = left.filter(({ record }) => keeps(record));
    if (kept.length === 0 || kept.length === left.length) continue;
    for (const candidate of left) if (!kept.includes(candidate)) excluded.set(candidate, why);
    left = kept;
  }
  return candidates.map((candidate) => {
    const { record, preference } = candidate;
    const logit = preference * scoreOf(profile, record, view);
    const reason = record.excluded ?? excluded.get(candidate) ?? null;
    return { ...candidate, record: { ...record, logit, excluded: reason } };
  });
}

function createFilter(
  filter: ProfileFilter,
  left: readonly Candidate[],
  { blockCount }: RequestSize,
): { readonly keeps: (record: CandidateRecord) => boolean; readonly why: Exclusion } {
  const loads = left.map(({ record }) => record.activeRequests);
  const least = Math.min(...loads);
  switch (filter.type) {
    case "imbalance": {
      const total = loads.reduce((sum, load) => sum + load, 0);
      const share = Math.ceil((filter.bound * (total + 1)) / loads.length);
      const most = loads.length < 2 ? Number.POSITIVE_INFINITY : Math.max(filter.atLeast, share);
      return { keeps: ({ activeRequests }) => activeRequests + 1 <= most, why: "bound" };
    }
    case "least-loaded":
      return { keeps: ({ activeRequests }) => activeRequests <= least + filter.slack, why: "load" };
    case "prefix": {
      const { minShare, unlessUneven } = filter;
      const most = Math.max(...loads);
      const isUneven =
        unlessUneven !== null &&
        most - least > unlessUneven.absolute &&
        most > unlessUneven.relative * least;
      const best = Math.max(...left.map(({ record }) => record.deviceBlocks));
      const decides = !isUneven && blockCount > 0 && best / blockCount > minShare;
      return { keeps: ({ deviceBlocks }) => !decides || deviceBlocks === best, why: "prefix" };
    }
  }
}

function scoreOf({ scorers }: Profile, record: CandidateRecord, view: ProfileView): number {
  let sum = 0;
  for (const { type, weight } of scorers) {
    const scale = type === "prefill" ? view.cost.prefillLoadScale : weight;
    if (scale > 0) sum += scale * measure(type, record, view);
  }
  return sum;
}

function measure(type: ScorerType, record: CandidateRecord, view: ProfileView): number {
  const { blockSize, tokenCount } = view.size;
  switch (type) {
    case "prefill": {
      const waiting = view.cost.trackPrefillTokens ? record.activePrefillTokens : 0;
      return Math.max(0, (waiting + tokenCount) / blockSize - record.credit);
    }
    case "uncached":
      return Math.max(0, tokenCount / blockSize - record.deviceBlocks);
    case "waiting-prefill":
      return record.activePrefillTokens / blockSize;
    case "decode-blocks":
      return decodeCost(record, view.cost);
    case "active-requests":
      return record.activeRequests;
    case "kv-usage":
      return view.kvUsage(record);
  }
}
