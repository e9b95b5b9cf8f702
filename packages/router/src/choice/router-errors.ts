import { InvalidArgumentError, OverloadedError, UnavailableError } from "@dyn/protocol";
import type { TaintDemand } from "./taint-demand.ts";
import type { Candidate } from "./weigh-candidates.ts";

/** None of the candidates may take the request. */
export function nobodyLeft(
  candidates: readonly Candidate[],
  isPinned: boolean,
  demand: TaintDemand,
): Error {
  const isForbidden = candidates.every(({ record }) => record.excluded === "taints");
  return isForbidden ? noEligible(demand.required) : allBusy(isPinned);
}

export function allBusy(isPinned: boolean): OverloadedError {
  return new OverloadedError(
    isPinned
      ? "The worker that the request names is busy. Try again later, or name none."
      : "Service temporarily overloaded: every worker that may take the request is busy. Try again later.",
    { code: "DYN_ROUTER_OVERLOADED", status: 529 },
  );
}

/** `className`: of the line. */
export function queueFull(
  className: string,
  {
    current,
    limit,
    what,
  }: { readonly current: number; readonly limit: number; readonly what: string },
): OverloadedError {
  return new OverloadedError(
    `The router's queue ${JSON.stringify(className)} has ${current} ${what}, and ${limit} is its limit. Try again later.`,
    { code: "DYN_ROUTER_OVERLOADED", status: 529 },
  );
}

function noEligible(taints: readonly string[]): UnavailableError {
  return new UnavailableError(
    `No worker has all that the request asks for (routing_constraints.required_taints: ${taints.join(", ")}).`,
    { code: "DYN_ROUTER_NO_ELIGIBLE_WORKER" },
  );
}

export function unknownRank(rank: number, rankCount: number): InvalidArgumentError {
  return new InvalidArgumentError(
    `dp_rank is ${rank}, and the worker has ranks 0 to ${rankCount - 1}.`,
    { param: "nvext.dp_rank" },
  );
}
