// What turns the text of one model into tokens and back.
import { localizeCard } from "@dyn/model-files";
import type { ModelCard } from "@dyn/protocol";
import {
  type ChatTemplate,
  createTokenizerPool,
  loadChatTemplate,
  loadTokenizer,
  type Tokenizer,
  type TokenizerPool,
  type TokenizerPoolOptions,
} from "@dyn/tokenizer";
import { readEosTokenIds } from "./read-eos-token-ids.ts";
import { readTemplateOverride } from "./read-template-override.ts";

export interface ModelText {
  readonly tokenizer: Tokenizer;
  /** `null`: the model takes no chats. */
  readonly template: ChatTemplate | null;
  readonly eosTokenIds: readonly number[];
  /** Encodes long prompts beside the event loop; whoever loads it closes it. */
  readonly pool: TokenizerPool;
}

/** Throws what is wrong with the model's files. */
export async function loadModelText(
  card: ModelCard,
  options: {
    /** Tried for files of the card that are not where it says. */
    readonly filesDirectory?: string | undefined;
    /** Jinja source instead of the model's own. */
    readonly chatTemplate?: string | undefined;
    readonly tokenizing?: Pick<TokenizerPoolOptions, "cacheBytes" | "onEncoded">;
  },
): Promise<ModelText> {
  const local = await localizeCard(card, { fallbackDirectory: options.filesDirectory });
  const directory = local.sourcePath;
  const [tokenizer, template, eosTokenIds] = await Promise.all([
    loadTokenizer(directory),
    card.modelTypes.includes("chat")
      ? loadChatTemplate(directory, options.chatTemplate ?? (await readTemplateOverride(local)))
      : null,
    readEosTokenIds(directory),
  ]);
  const pool = createTokenizerPool({ directory, tokenizer, ...options.tokenizing });
  return { tokenizer, template, eosTokenIds, pool };
}
