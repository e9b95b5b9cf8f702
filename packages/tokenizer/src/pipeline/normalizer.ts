// Normalisers: text to text, before the model. What is not listed here is refused, never passed over.
import { type Component, isJsonObject } from "../file/tokenizer-json.ts";
import {
  accents,
  bertControls,
  bertIdeographs,
  bertMarks,
  whiteSpace,
} from "../unicode/bert-classes.ts";
import { tableToClass } from "../unicode/code-point-class.ts";
import { normalizeUnicode } from "../unicode/normalize-unicode.ts";
import { readPattern } from "./pattern.ts";

export type Normalize = (text: string) => string;

const identity: Normalize = (text) => text;

/** null: a part that is not known here. */
export function createNormalizer(component: Component | null): Normalize | null {
  if (component === null) return identity;
  switch (component.type) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form = component.type;
      return (text) => normalizeUnicode(text, form);
    }
    case "Prepend": {
      const prefix = component.prepend;
      if (typeof prefix !== "string") return null;
      return (text) => (text === "" ? text : prefix + text);
    }
    case "Replace":
      return createReplace(component);
    case "Sequence":
      return createSequence(component.normalizers);
    case "Lowercase":
      return lowercase;
    case "StripAccents":
      return (text) => text.replace(accents, "");
    case "Strip":
      return createStrip(component);
    case "BertNormalizer":
      return createBertNormalizer(component);
    case "Nmt":
      return normalizeNmt;
    default:
      return null;
  }
}

function createReplace(component: Component): Normalize | null {
  const pattern = readPattern(component.pattern);
  const content = component.content;
  if (pattern === null || typeof content !== "string") return null;
  return (text) => text.replace(pattern, () => content);
}

function createSequence(parts: unknown): Normalize | null {
  if (!Array.isArray(parts)) return null;
  const steps: Normalize[] = [];
  for (const part of parts) {
    const step = isJsonObject(part) ? createNormalizer(part as Component) : null;
    if (step === null) return null;
    if (step !== identity) steps.push(step);
  }
  if (steps.length <= 1) return steps[0] ?? identity;
  return (text) => steps.reduce((current, step) => step(current), text);
}

/** Character by character: no rule looks at its neighbours (a final sigma stays a plain one). */
function lowercase(text: string): string {
  if (!/[\u0080-\uffff]/.test(text)) return text.toLowerCase();
  let out = "";
  for (const char of text) out += char.toLowerCase();
  return out;
}

function createStrip(component: Component): Normalize {
  const left = component.strip_left !== false;
  const right = component.strip_right !== false;
  return (text) => {
    const fromLeft = left ? text.replace(/^\p{White_Space}+/u, "") : text;
    return right ? fromLeft.replace(/\p{White_Space}+$/u, "") : fromLeft;
  };
}

function createBertNormalizer(component: Component): Normalize {
  const isLower = component.lowercase !== false;
  const strips = typeof component.strip_accents === "boolean" ? component.strip_accents : isLower;
  return (text) => {
    let out = text;
    if (component.clean_text !== false)
      out = out.replace(bertControls, "").replace(whiteSpace, " ");
    if (component.handle_chinese_chars !== false) out = out.replace(bertIdeographs, " $& ");
    if (strips) out = normalizeUnicode(out, "NFD").replace(bertMarks, "");
    return isLower ? lowercase(out) : out;
  };
}

/** Control characters, but for tab, line feed, form feed and carriage return. */
const nmtDropped = new RegExp(`[${tableToClass("1-8 b e-1f 7f 8f 9f")}]`, "gu");
const nmtSpaces = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

function normalizeNmt(text: string): string {
  return text.replace(nmtDropped, "").replace(nmtSpaces, " ");
}
