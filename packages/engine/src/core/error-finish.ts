import { errorToRecord } from "@dyn/protocol";
import type { FinishReason } from "../contract/engine-output.ts";

export function errorFinish(error: unknown): FinishReason {
  return { type: "error", error: errorToRecord(error) };
}
