import { readFile } from "node:fs/promises";
import type { Logger } from "@dyn/logging";

/**
 * The canary request: the worker type's own, or `override` (JSON, or @file). What cannot be used is said and passed over.
 * The mark by which a prefill worker knows a canary stays, whatever the override says.
 */
export async function choosePayload(
  standard: Readonly<Record<string, unknown>>,
  override: string | undefined,
  logger: Logger,
): Promise<Readonly<Record<string, unknown>>> {
  if (override === undefined) return standard;
  try {
    const text = override.startsWith("@") ? await readFile(override.slice(1), "utf8") : override;
    const given: unknown = JSON.parse(text);
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw new TypeError("it is not a JSON object");
    }
    const mark = "_HEALTH_CHECK" in standard ? { _HEALTH_CHECK: true } : {};
    return { ...given, ...mark };
  } catch (error) {
    logger.warn("the health check payload cannot be used: the worker's own is", {
      given: override.slice(0, 200),
      error: String(error),
    });
    return standard;
  }
}
