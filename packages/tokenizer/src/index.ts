export type { ChatTemplate, ChatTemplateInput } from "./contract/chat-template.ts";
export type { StopMatcher } from "./contract/stop-matcher.ts";
export type {
  DecodeOptions,
  EncodeOptions,
  IncrementalDecoder,
  Tokenizer,
} from "./contract/tokenizer.ts";
export type { TokenizerPool } from "./contract/tokenizer-pool.ts";
