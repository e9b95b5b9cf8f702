import { type Component, isJsonObject } from "../file/tokenizer-json.ts";
import { readPattern } from "../pipeline/pattern.ts";
import type { TokenDecoder } from "./token-decoder.ts";
import {
  decodeBpeSuffix,
  decodeByteFallback,
  decodeByteLevel,
  mapTokens,
  stripStream,
  stripToken,
  wholeText,
} from "./token-decoders.ts";

/** The steps of a decoder, each new. null: a decoder that is not known here. */
export function createTokenDecoders(component: Component | null): TokenDecoder[] | null {
  if (component === null) return [mapTokens((token, isFirst) => (isFirst ? token : ` ${token}`))];
  const parts = flatten(component);
  if (parts === null) return null;
  const steps: TokenDecoder[] = [];
  let isFused = false;
  for (const part of parts) {
    if (part.type === "Fuse") {
      isFused = true;
      continue;
    }
    const step = createTokenDecoder(part, isFused);
    if (step === null) return null;
    steps.push(step);
    if (part.type === "ByteLevel") isFused = true;
  }
  return steps;
}

function flatten(component: Component): Component[] | null {
  if (component.type !== "Sequence") return [component];
  if (!Array.isArray(component.decoders)) return null;
  const parts: Component[] = [];
  for (const part of component.decoders) {
    const inner = isJsonObject(part) ? flatten(part as Component) : null;
    if (inner === null) return null;
    parts.push(...inner);
  }
  return parts;
}

function createTokenDecoder(part: Component, isFused: boolean): TokenDecoder | null {
  const perToken = (map: (token: string, isFirst: boolean) => string): TokenDecoder =>
    isFused ? wholeText((text) => map(text, true)) : mapTokens(map);
  switch (part.type) {
    case "ByteLevel":
      return isFused ? null : decodeByteLevel();
    case "ByteFallback":
      return isFused ? null : decodeByteFallback();
    case "Metaspace": {
      const mark = typeof part.replacement === "string" ? part.replacement : "\u2581";
      const keepsFirst = part.prepend_scheme === "never" || part.add_prefix_space === false;
      return perToken((token, isFirst) =>
        token.replaceAll(mark, isFirst && !keepsFirst ? "" : " "),
      );
    }
    case "WordPiece": {
      const prefix = typeof part.prefix === "string" ? part.prefix : "##";
      const clean = part.cleanup !== false ? cleanUp : (text: string) => text;
      return perToken((token, isFirst) => {
        if (isFirst) return clean(token);
        return clean(token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`);
      });
    }
    case "BPEDecoder":
      if (isFused || typeof part.suffix !== "string") return null;
      return decodeBpeSuffix(part.suffix);
    case "Replace": {
      const pattern = readPattern(part.pattern);
      const content = part.content;
      if (pattern === null || typeof content !== "string") return null;
      return perToken((token) => token.replace(pattern, () => content));
    }
    case "Strip": {
      const { content, start, stop } = part;
      if (typeof content !== "string" || typeof start !== "number" || typeof stop !== "number") {
        return null;
      }
      return isFused
        ? stripStream(content, start, stop)
        : mapTokens((token) => stripToken(token, content, start, stop));
    }
    default:
      return null;
  }
}

/** The clean-up of the WordPiece decoder, token by token. */
function cleanUp(token: string): string {
  return token
    .replaceAll(" .", ".")
    .replaceAll(" ?", "?")
    .replaceAll(" !", "!")
    .replaceAll(" ,", ",")
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" do not", " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}
