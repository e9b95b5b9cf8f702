import { setTimeout as sleep } from "node:timers/promises";
import { prefillUnreachable } from "../disagg-errors.ts";
import type { RankRegistration } from "./rank-registration.ts";

/** SGLang's: so many tries, each after twice the time. */
const tries = 5;
const firstWaitMs = 200;
const tryTimeoutMs = 5000;

/** Registers a rank at the bootstrap server of rank 0. */
export async function registerRank(
  host: string,
  port: number,
  registration: RankRegistration,
): Promise<void> {
  let failure: unknown;
  for (let attempt = 0; attempt < tries; attempt++) {
    if (attempt > 0) await sleep(firstWaitMs * 2 ** (attempt - 1));
    try {
      const response = await fetch(`http://${host}:${port}/route`, {
        method: "PUT",
        body: JSON.stringify(registration),
        signal: AbortSignal.timeout(tryTimeoutMs),
      });
      if (response.ok) return;
      failure = new Error(`it answers ${response.status}: ${await response.text()}`);
    } catch (error) {
      failure = error;
    }
  }
  const why = failure instanceof Error ? failure.message : String(failure);
  throw prefillUnreachable(`${host}:${port}`, why, failure);
}
