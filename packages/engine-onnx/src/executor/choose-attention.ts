import { InvalidArgumentError } from "@dyn/protocol";
import type { AttentionKind } from "../graph/decoder-graph.ts";
import { loadFfiLibrary } from "../runtime/ffi-library.ts";

export const attentionOptions = ["auto", "paged", "gqa"] as const;
export type AttentionOption = (typeof attentionOptions)[number];

/** `why` is worth a line in a log. */
export function chooseAttention(option: AttentionOption): { kind: AttentionKind; why: string } {
  if (!attentionOptions.includes(option)) {
    throw new InvalidArgumentError(
      `attention is ${JSON.stringify(option)}; it must be one of ${attentionOptions.join(", ")}.`,
      { param: "attention" },
    );
  }
  if (option === "paged") return { kind: "paged", why: "paged attention: asked for" };
  try {
    loadFfiLibrary();
    return { kind: "slots", why: "in-place attention" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (option === "auto") return { kind: "paged", why: `paged attention: ${reason}` };
    throw new InvalidArgumentError(
      `attention "gqa" cannot work here: ${reason}. Use "paged" or "auto".`,
      { param: "attention", cause: error },
    );
  }
}
