import type { DispatchKinds } from "./postprocess/dispatch-events.ts";
import type { ReasoningField } from "./postprocess/format-chat-choice.ts";
import type { RequestTemplate } from "./preprocess/request-template.ts";

/** How the gateway speaks. Every one can be set; these are the defaults. */
export interface GatewaySettings {
  /** Name of the field that carries reasoning in chat answers. */
  readonly reasoningField: ReasoningField;
  /** Every stream ends with a usage chunk, asked for or not. */
  readonly forceIncludeUsage: boolean;
  /** Off: `nvext` is checked and then has no effect, and answers have none. */
  readonly nvext: boolean;
  /** On: body fields that no schema knows are passed over. */
  readonly ignoreUnknownFields: boolean;
  /** Off: the tools stay in the prompt when tool_choice is none. */
  readonly excludeToolsWhenToolChoiceNone: boolean;
  /** On: /v1/messages, and /v1/models in Anthropic's form for its clients. */
  readonly anthropicApi: boolean;
  /** On: SGLang's own /generate. */
  readonly sglangGenerate: boolean;
  /** On: vLLM's /inference/v1/generate. */
  readonly vllmGenerate: boolean;
  /** On: routes that change how the server serves: /busy_threshold, /clear_kv_blocks. */
  readonly adminApi: boolean;
  /** Cut what some of Anthropic's clients put before their system prompt and change each time. */
  readonly stripAnthropicPreamble: boolean;
  /** A stream that was silent for so long gets a comment; `null`: never. */
  readonly sseKeepAliveMs: number | null;
  /** Events beside a chat's stream: of each whole tool call, of the whole reasoning. */
  readonly streamingDispatch: DispatchKinds;
  /** What requests have where they say nothing; `null`: nothing. */
  readonly requestTemplate: RequestTemplate | null;
  /** Told to clients when no worker has room. */
  readonly overloadStatus: number;
  /** A worker's stream that is silent for longer, begun or not, ends with 504 or goes on elsewhere; `null`: no such limit. */
  readonly backendStreamTimeoutMs: number | null;
  /** A prompt that a prefill worker has for longer goes to another one, or stays with its decode worker; `null`: no such limit. */
  readonly prefillTimeoutMs: number | null;
  /** What /v1/models shows instead of the card's context length. */
  readonly shownContextLength: number | null;
  readonly shownMaxOutputTokens: number | null;
}

/** How a gateway answers that is not told otherwise. */
export const defaultSettings: GatewaySettings = Object.freeze({
  reasoningField: "reasoning_content",
  forceIncludeUsage: false,
  nvext: true,
  ignoreUnknownFields: false,
  excludeToolsWhenToolChoiceNone: true,
  anthropicApi: false,
  sglangGenerate: false,
  vllmGenerate: false,
  adminApi: true,
  stripAnthropicPreamble: true,
  sseKeepAliveMs: null,
  streamingDispatch: Object.freeze({ calls: false, reasoning: false }),
  requestTemplate: null,
  overloadStatus: 529,
  backendStreamTimeoutMs: null,
  prefillTimeoutMs: null,
  shownContextLength: null,
  shownMaxOutputTokens: null,
});
