import { InvalidArgumentError } from "@dyn/protocol";
import { dfsWeight } from "./dfs-weight.ts";
import { fcfs } from "./fcfs.ts";
import { lof } from "./lof.ts";
import { lpm } from "./lpm.ts";
import { priority } from "./priority.ts";
import { random } from "./random.ts";
import { routingKey } from "./routing-key.ts";
import { type PolicyName, policyNames, type SchedulePolicy } from "./schedule-policy.ts";

const policies: ReadonlyMap<string, SchedulePolicy> = new Map(
  [fcfs, lpm, dfsWeight, lof, random, priority, routingKey].map((policy) => [policy.name, policy]),
);

export function createPolicy(name: PolicyName): SchedulePolicy {
  const policy = policies.get(name);
  if (policy === undefined) {
    throw new InvalidArgumentError(
      `policy is "${name}"; it must be one of ${policyNames.join(", ")}.`,
      { param: "policy" },
    );
  }
  return policy;
}
