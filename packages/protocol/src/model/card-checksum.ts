// The sum by which a frontend knows that workers of one name serve the same model (Dynamo 1.6.1's `mdc_sum`).
import { blake3 } from "@noble/hashes/blake3.js";
import { effectiveContextLength, type WireCard } from "./card-to-wire.ts";

const workerTypeCodes: Readonly<Record<string, number>> = {
  prefill: 1,
  decode: 2,
  encode: 3,
  aggregated: 4,
};
const text = new TextEncoder();

/** 64 hex digits. Paths, runtime settings other than the context length, and the model type do not count. */
export function cardToChecksum(card: WireCard): string {
  const hash = blake3.create();
  const add = (value: string) => hash.update(text.encode(value));
  add(card.display_name);
  if (card.source_path != null) add(card.source_path);
  for (const file of [card.model_info, card.tokenizer, card.prompt_formatter]) addFile(file, add);
  for (const template of Object.values(card.chat_template_file ?? {})) add(template.file.checksum);
  addFile(card.gen_config, add);
  hash.update(u32(effectiveContextLength(card)));
  hash.update(u32(card.kv_cache_block_size));
  hash.update(Uint8Array.of(workerTypeCodes[card.worker_type ?? ""] ?? 0));
  const needs = card.needs ?? [];
  hash.update(u32(needs.length));
  for (const set of needs) {
    hash.update(u32(set.length));
    hash.update(Uint8Array.from(set, (type) => workerTypeCodes[type] ?? 0));
  }
  const aliases = card.aliases ?? [];
  if (aliases.length > 0) {
    hash.update(u32(aliases.length));
    for (const alias of aliases) {
      const bytes = text.encode(alias);
      hash.update(u32(bytes.length));
      hash.update(bytes);
    }
  }
  return Buffer.from(hash.digest()).toString("hex");
}

/** `blake3:` and 64 hex digits, as cards name the content of a file. */
export function contentChecksum(content: Uint8Array): string {
  return `blake3:${Buffer.from(blake3(content)).toString("hex")}`;
}

function addFile(files: WireCard["tokenizer"], add: (value: string) => void): void {
  for (const file of Object.values(files ?? {})) add(file.checksum);
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
