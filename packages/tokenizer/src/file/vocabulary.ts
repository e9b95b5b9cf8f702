// The model's tokens and the added ones: which string has which id.
import type { AddedToken } from "../added/added-tokens.ts";
import type { Normalize } from "../pipeline/normalizer.ts";
import { TokenizerFileError } from "./tokenizer-file-error.ts";
import { type Component, isId, type TokenizerJson } from "./tokenizer-json.ts";

export interface Vocabulary {
  /** The model's own tokens. */
  readonly model: ReadonlyMap<string, number>;
  readonly added: readonly AddedToken[];
  /** Token by id as the vocabulary writes it. */
  readonly tokens: readonly (string | undefined)[];
  /** Token by id as the decoder sees it: a normalised added token in its normal form. */
  readonly decoded: readonly (string | undefined)[];
  readonly special: ReadonlySet<number>;
  idOf(token: string): number | undefined;
}

export function createVocabulary(
  json: TokenizerJson,
  normalize: Normalize,
  where: string,
): Vocabulary {
  const model = readModelVocab(json.model, where);
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of model) tokens[id] = token;
  const added = placeAddedTokens(json, model, normalize);
  const addedIds = new Map(added.map((token) => [token.content, token.id]));
  const decoded = tokens.slice();
  for (const token of added) {
    tokens[token.id] = token.content;
    decoded[token.id] = token.pattern;
  }
  const specialContents = new Set(added.filter((t) => t.special).map((t) => t.content));
  const special = new Set<number>();
  for (let id = 0; id < decoded.length; id++) {
    const token = decoded[id];
    if (token !== undefined && specialContents.has(token)) special.add(id);
  }
  return {
    model,
    added,
    tokens: Array.from(tokens),
    decoded: Array.from(decoded),
    special,
    idOf: (token) => addedIds.get(token) ?? model.get(token),
  };
}

function readModelVocab(model: Component, where: string): Map<string, number> {
  const entries: [string, unknown][] = Array.isArray(model.vocab)
    ? model.vocab.map((entry: unknown, id) => [String((entry as unknown[])[0]), id])
    : Object.entries(model.vocab as Record<string, unknown>);
  for (const [token, id] of entries) {
    if (isId(id)) continue;
    throw new TokenizerFileError(
      where,
      `field "model.vocab" gives ${JSON.stringify(token)} the id ${JSON.stringify(id)}; ids are whole numbers from 0.`,
    );
  }
  return new Map(entries as [string, number][]);
}

/** A token that the model knows keeps the model's id; the others follow each other behind it. */
function placeAddedTokens(
  json: TokenizerJson,
  model: ReadonlyMap<string, number>,
  normalize: Normalize,
): AddedToken[] {
  const byContent = new Map<string, AddedToken>();
  let next = model.size;
  for (const entry of json.addedTokens) {
    if (entry.content === "") continue;
    const id = byContent.get(entry.content)?.id ?? model.get(entry.content) ?? next;
    if (id >= next) next = id + 1;
    const pattern = entry.normalized ? normalize(entry.content) : entry.content;
    byContent.set(entry.content, { ...entry, id, pattern });
  }
  return [...byContent.values()];
}
