export type { ChatTemplate, ChatTemplateInput } from "./contract/chat-template.ts";
export type { StopMatcher } from "./contract/stop-matcher.ts";
export type { TextPart } from "./contract/text-part.ts";
export type {
  DecodeOptions,
  EncodeOptions,
  IncrementalDecoder,
  Tokenizer,
} from "./contract/tokenizer.ts";
export type { TokenizerPool } from "./contract/tokenizer-pool.ts";
export { createTokenizer } from "./create-tokenizer.ts";
export { TokenizerFileError } from "./file/tokenizer-file-error.ts";
export { loadTokenizer } from "./load-tokenizer.ts";
export { createTokenizerPool, type TokenizerPoolOptions } from "./pool/create-tokenizer-pool.ts";
export type { EncodingOrigin } from "./pool/prompt-parts.ts";
export { createStopMatcher } from "./stop/create-stop-matcher.ts";
export {
  type ChatTemplateOptions,
  type ChatTemplateSource,
  createChatTemplate,
} from "./template/create-chat-template.ts";
export { loadChatTemplate } from "./template/load-chat-template.ts";
export { TemplateSourceError } from "./template/template-error.ts";
