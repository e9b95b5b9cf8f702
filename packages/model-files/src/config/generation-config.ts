import type { ConfigFields } from "./config-fields.ts";
import type { ModelConfig } from "./model-config.ts";

/** The sampling defaults of generation_config.json. Fields that only transformers' own loop reads are left alone. */
export function readGenerationDefaults(fields: ConfigFields): ModelConfig["generation"] {
  const temperature = fields.optionalNumber("temperature");
  const topP = fields.optionalNumber("top_p");
  const topK = fields.optionalNumber("top_k", -1);
  const minP = fields.optionalNumber("min_p");
  const repetitionPenalty = fields.optionalNumber("repetition_penalty");
  if (topP !== undefined && (topP > 1 || topP === 0)) {
    throw fields.invalid("top_p", `must be above 0 and at most 1, but is ${topP}.`);
  }
  if (topK !== undefined && !Number.isSafeInteger(topK)) {
    throw fields.invalid("top_k", `must be a whole number, but is ${topK}.`);
  }
  if (minP !== undefined && minP > 1) {
    throw fields.invalid("min_p", `must be at most 1, but is ${minP}.`);
  }
  if (repetitionPenalty === 0) {
    throw fields.invalid("repetition_penalty", "must be above 0, but is 0.");
  }
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...(minP === undefined ? {} : { minP }),
    ...(repetitionPenalty === undefined ? {} : { repetitionPenalty }),
  };
}
