import type { Node } from "../syntax/node.ts";

/** How many characters the texts of a node without rules have. */
export function textLength(node: Node): { readonly min: number; readonly max: number } {
  switch (node.type) {
    case "chars":
      return { min: 1, max: 1 };
    case "text": {
      const length = Array.from(node.text).length;
      return { min: length, max: length };
    }
    case "sequence": {
      const parts = node.items.map(textLength);
      const sum = (key: "min" | "max") => parts.reduce((total, part) => total + part[key], 0);
      return { min: sum("min"), max: sum("max") };
    }
    case "choice": {
      const parts = node.items.map(textLength);
      return {
        min: Math.min(...parts.map(({ min }) => min)),
        max: Math.max(...parts.map(({ max }) => max)),
      };
    }
    case "repeat": {
      const part = textLength(node.item);
      return { min: part.min * node.min, max: part.max === 0 ? 0 : part.max * node.max };
    }
    case "empty":
      return { min: 0, max: 0 };
    default:
      return { min: 0, max: Number.POSITIVE_INFINITY };
  }
}
