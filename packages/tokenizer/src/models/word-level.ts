import type { Component } from "../file/tokenizer-json.ts";
import type { PieceModel } from "./piece-model.ts";

export function createWordLevel(
  model: Component,
  vocab: ReadonlyMap<string, number>,
): PieceModel | null {
  const unknown = vocab.get(String(model.unk_token ?? "<unk>"));
  if (unknown === undefined) return null;
  return { encode: (piece, out) => out.push(vocab.get(piece) ?? unknown) };
}
