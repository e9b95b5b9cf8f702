// Normalisers: text to text, before the model. What is not listed here is refused, never passed over.
import type { Component } from "../file/tokenizer-json.ts";
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
      return (text) => text.normalize(form);
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
    const step = createNormalizer(part as Component);
    if (step === null) return null;
    if (step !== identity) steps.push(step);
  }
  if (steps.length === 0) return identity;
  return (text) => steps.reduce((current, step) => step(current), text);
}
