import type { WorkerArgs } from "@dyn/args";
import { AdmissionGate } from "@dyn/runtime";

/** `null` without --engine-request-limit: the engine's own queue decides. */
export function createAdmission({ values }: WorkerArgs): AdmissionGate | null {
  const { engineRequestLimit: runningLimit, requestQueueLimit: queueLimit } = values.worker;
  return runningLimit === undefined ? null : new AdmissionGate({ runningLimit, queueLimit });
}
