// How a worker's process ended, for those who wait for it and for its log.
import type { ChildProcess } from "node:child_process";
import { DynError } from "@dyn/protocol";

/** Gives its exit code; `null` when it was killed. */
export function endOf(worker: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => worker.once("exit", (code) => resolve(code)));
}

export function describeEnd(code: number | null, killedBy: string | null): string {
  return killedBy ?? `exit code ${code}`;
}

/** The worker itself has said why. */
export function startError(number: number, code: number | null, killedBy: string | null): DynError {
  return new DynError(
    `Worker ${number} did not start (${describeEnd(code, killedBy)}); its own message stands above.`,
    { code: "DYN_GATEWAY_WORKER_START", status: 503 },
  );
}
