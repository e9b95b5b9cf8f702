import type { ModelConfig } from "@dyn/model-files";
import { InvalidArgumentError } from "@dyn/protocol";
import type { AttentionKind } from "../graph/decoder-graph.ts";
import { whyNoMachineCode } from "../kernel/processor-features.ts";
import { loadFfiLibrary } from "../runtime/ffi-library.ts";

export const attentionOptions = ["auto", "pages", "gqa", "paged"] as const;
export type AttentionOption = (typeof attentionOptions)[number];

/** What each option needs; `null` when it is there, otherwise what is missing. The best one comes first. */
const ways: readonly {
  readonly option: Exclude<AttentionOption, "auto">;
  readonly kind: AttentionKind;
  readonly name: string;
  readonly missing: (config: Pick<ModelConfig, "headDim">) => string | null;
}[] = [
  {
    option: "pages",
    kind: "pages",
    name: "attention in pages",
    missing: ({ headDim }) => {
      const reason = whyNoMachineCode() ?? whyNoFfi();
      if (reason !== null) return reason;
      return headDim % 8 === 0 ? null : `heads of ${headDim} values are no multiple of 8`;
    },
  },
  { option: "gqa", kind: "slots", name: "attention in slots", missing: whyNoFfi },
  { option: "paged", kind: "paged", name: "attention over gathered pages", missing: () => null },
];

/** `why` is worth a line in a log. */
export function chooseAttention(
  option: AttentionOption,
  config: Pick<ModelConfig, "headDim">,
): { kind: AttentionKind; why: string } {
  if (!attentionOptions.includes(option)) {
    throw new InvalidArgumentError(
      `attention is ${JSON.stringify(option)}; it must be one of ${attentionOptions.join(", ")}.`,
      { param: "attention" },
    );
  }
  const reasons: string[] = [];
  for (const way of ways) {
    if (option !== "auto" && option !== way.option) continue;
    const reason = way.missing(config);
    if (reason === null) return { kind: way.kind, why: [way.name, ...reasons].join("; ") };
    reasons.push(`no ${way.name}: ${reason}`);
  }
  throw new InvalidArgumentError(
    `attention "${option}" cannot work here (${reasons.join("; ")}). Use "paged" or "auto".`,
    { param: "attention" },
  );
}

function whyNoFfi(): string | null {
  try {
    loadFfiLibrary();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
