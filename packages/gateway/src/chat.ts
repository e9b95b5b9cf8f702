// For workers that take chats as text: what the frontend does with a chat, on the worker's side.
export type { ModelParsers } from "./postprocess/output-reading.ts";
export { loadTextChatModel } from "./text/load-text-chat-model.ts";
export {
  createTextChatHandler,
  type TextChatChunk,
  type TextChatModel,
} from "./text/text-chat-handler.ts";
