// Whether a request's answer is read for reasoning: by the parser's own default, and by what the request switches.
import type { ChatCompletionRequest } from "@dyn/protocol";

type Switch =
  | { readonly default: "always" }
  /** `mode`: thinking_mode counts too. */
  | { readonly default: "on"; readonly mode: boolean }
  | { readonly default: "off"; readonly by: "any" | "effort" };

const always: Switch = { default: "always" };
const onByAny: Switch = { default: "on", mode: true };
const onButMode: Switch = { default: "on", mode: false };
const offByAny: Switch = { default: "off", by: "any" };

/** Dynamo 1.6.1's table; a parser that is not in it always reads. */
const switches: Readonly<Record<string, Switch>> = {
  deepseek_r1: onByAny,
  deepseek_v3_2: onByAny,
  deepseek_v4: onByAny,
  "deepseek-v4": onByAny,
  deepseekv4: onByAny,
  deepseek_v41: onByAny,
  minimax_m2: onByAny,
  kimi_k25: onButMode,
  kimi_k3: onButMode,
  "kimi-k3": onButMode,
  minimax_m3: onButMode,
  "minimax-m3": onButMode,
  muse: onButMode,
  muse_glimmer: onButMode,
  nemotron_nano: onButMode,
  nemotron3: onButMode,
  nemotron_v3: onButMode,
  deepseek_v3: offByAny,
  deepseek_v3_1: offByAny,
  gemma4: offByAny,
  "gemma-4": offByAny,
  mistral: { default: "off", by: "effort" },
};

export function reasoningIsOn(request: ChatCompletionRequest, parser: string): boolean {
  const rule = switches[parser] ?? always;
  if (rule.default === "always") return true;
  const effort = request.reasoning_effort ?? null;
  if (rule.default === "off" && rule.by === "effort") return effort !== null && effort !== "none";
  const wanted = wantedBy(request, rule.default === "off" || rule.mode);
  return wanted ?? rule.default === "on";
}

/** `null`: the request does not say. */
function wantedBy(request: ChatCompletionRequest, countsMode: boolean): boolean | null {
  const { thinking, reasoning_effort: effort } = request;
  if (thinking != null) {
    return thinking === true || (typeof thinking === "object" && thinking.type !== "disabled");
  }
  if (effort != null) return effort !== "none";
  const variables = { ...request.chat_template_args, ...request.chat_template_kwargs };
  for (const name of ["enable_thinking", "thinking"]) {
    const value = variables[name];
    if (typeof value === "boolean") return value;
  }
  const mode = variables.thinking_mode;
  return countsMode && typeof mode === "string" ? mode !== "chat" : null;
}
