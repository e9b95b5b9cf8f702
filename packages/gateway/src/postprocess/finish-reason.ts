import { DynError, type EngineOutputItem, type OpenAIFinishReason } from "@dyn/protocol";

/** Throws on an engine error and on a word that no worker of ours sends. */
export function toFinishReason(
  reason: NonNullable<EngineOutputItem["finish_reason"]>,
): OpenAIFinishReason {
  switch (reason) {
    case "eos":
    case "stop":
    case "cancelled":
    case "abort":
      return "stop";
    case "length":
    case "content_filter":
      return reason;
    default:
      throw new DynError(
        `The engine ended with ${typeof reason === "string" ? reason : reason.error}.`,
        { code: "DYN_INTERNAL", status: 500 },
      );
  }
}
