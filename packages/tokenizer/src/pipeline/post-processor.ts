// What stands before and after one text: BOS, [CLS] and the like.
import { type Component, isJsonObject } from "../file/tokenizer-json.ts";

export interface SpecialFrame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const noFrame: SpecialFrame = { before: [], after: [] };

/** null: a part that is not known here. */
export function readSpecialFrame(component: Component | null): SpecialFrame | null {
  switch (component?.type) {
    case undefined:
    case "ByteLevel":
      return noFrame;
    case "BertProcessing":
    case "RobertaProcessing": {
      const first = readPair(component.cls);
      const last = readPair(component.sep);
      return first === null || last === null ? null : { before: [first], after: [last] };
    }
    case "TemplateProcessing":
      return readTemplate(component);
    case "Sequence":
      return readSequence(component.processors);
    default:
      return null;
  }
}

const readPair = (pair: unknown): number | null =>
  Array.isArray(pair) && typeof pair[1] === "number" ? pair[1] : null;

function readTemplate(component: Component): SpecialFrame | null {
  const { single, special_tokens: tokens } = component;
  if (!Array.isArray(single) || !isJsonObject(tokens)) return null;
  const before: number[] = [];
  const after: number[] = [];
  let isAfter = false;
  for (const part of single) {
    if (isJsonObject(part.Sequence) && part.Sequence.id === "A" && !isAfter) {
      isAfter = true;
      continue;
    }
    const token = isJsonObject(part.SpecialToken)
      ? tokens[String(part.SpecialToken.id)]
      : undefined;
    if (!isJsonObject(token) || !Array.isArray(token.ids)) return null;
    (isAfter ? after : before).push(...token.ids);
  }
  return isAfter ? { before, after } : null;
}

function readSequence(parts: unknown): SpecialFrame | null {
  if (!Array.isArray(parts)) return null;
  let frame = noFrame;
  for (const part of parts) {
    const next = readSpecialFrame(part as Component);
    if (next === null) return null;
    frame = {
      before: [...next.before, ...frame.before],
      after: [...frame.after, ...next.after],
    };
  }
  return frame;
}
