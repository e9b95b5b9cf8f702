import { cardToChecksum, cardToWire, type ModelCard } from "@dyn/protocol";
import { loadModelText } from "../models/model-text.ts";
import { checkParsers, type ModelParsers } from "../postprocess/output-reading.ts";
import { TokenNames } from "../postprocess/token-names.ts";
import type { TextChatModel } from "./text-chat-handler.ts";

/** All that a worker of text knows of its model, from the files that the card names. Close it when it serves no more. */
export async function loadTextChatModel(
  card: ModelCard,
  parsers: ModelParsers,
): Promise<TextChatModel & { close(): Promise<void> }> {
  checkParsers(parsers);
  const text = await loadModelText(card, {});
  return {
    card,
    checksum: cardToChecksum(cardToWire(card)),
    parsers,
    ...text,
    names: new TokenNames(text.tokenizer),
    close: () => text.pool.close(),
  };
}
