import { TokenizerFileError } from "../file/tokenizer-file-error.ts";
import type { Component } from "../file/tokenizer-json.ts";
import { MergeTable } from "./merge-table.ts";

/** `merges` of a BPE model: `["a b", …]` in older files, `[["a", "b"], …]` in newer ones. */
export function readMerges(
  model: Component,
  vocab: ReadonlyMap<string, number>,
  where: string,
): MergeTable {
  const prefix = model.continuing_subword_prefix;
  const prefixLength = typeof prefix === "string" ? prefix.length : 0;
  const list = Array.isArray(model.merges) ? model.merges : [];
  const pairs = list.map((entry: unknown, rank): [number, number, number] => {
    const pair = typeof entry === "string" ? entry.split(" ") : entry;
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TokenizerFileError(where, `field "model.merges[${rank}]" must be two tokens.`);
    }
    const [left, right] = pair as [string, string];
    const ids = [vocab.get(left), vocab.get(right), vocab.get(left + right.slice(prefixLength))];
    const [leftId, rightId, mergedId] = ids;
    if (leftId === undefined || rightId === undefined || mergedId === undefined) {
      throw new TokenizerFileError(
        where,
        `field "model.merges[${rank}]" (${JSON.stringify(pair)}) names a token that the vocabulary lacks.`,
      );
    }
    return [leftId, rightId, mergedId];
  });
  return new MergeTable(pairs);
}
