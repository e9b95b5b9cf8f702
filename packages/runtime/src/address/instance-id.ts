import { randomBytes } from "node:crypto";

/** A random u64, as processes without a lease server name themselves. Never 0. */
export function drawU64(): bigint {
  return randomBytes(8).readBigUInt64BE() || 1n;
}

/** Publisher ids stay below 2^53 (Dynamo 1.6.1). */
export function drawU53(): bigint {
  return drawU64() >> 11n;
}
