// What every notation is lowered to: a context-free grammar over characters, as a small tree.
import type { CharSet } from "./char-set.ts";

export type Node =
  /** No text at all satisfies it. */
  | { readonly type: "never" }
  | { readonly type: "empty" }
  /** One character. */
  | { readonly type: "chars"; readonly set: CharSet }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "sequence"; readonly items: readonly Node[] }
  | { readonly type: "choice"; readonly items: readonly Node[] }
  | {
      readonly type: "repeat";
      readonly item: Node;
      readonly min: number;
      /** Infinity = no end. */
      readonly max: number;
    }
  | { readonly type: "rule"; readonly name: string }
  /** Any text that ends with the first occurrence of one of the marks; the mark's own continuation follows it. */
  | {
      readonly type: "until";
      readonly marks: readonly { readonly text: string; readonly after: Node }[];
      /** The text may also end without any mark. */
      readonly mayEnd: boolean;
    };

export interface Grammar {
  readonly root: string;
  readonly rules: ReadonlyMap<string, Node>;
}

export const never: Node = { type: "never" };
export const empty: Node = { type: "empty" };

export function chars(set: CharSet): Node {
  return set.length === 0 ? never : { type: "chars", set };
}

export function text(value: string): Node {
  return value === "" ? empty : { type: "text", text: value };
}

export function rule(name: string): Node {
  return { type: "rule", name };
}

export function sequence(...items: readonly Node[]): Node {
  if (items.some((item) => item.type === "never")) return never;
  const kept = items.filter((item) => item.type !== "empty");
  if (kept.length === 0) return empty;
  return kept.length === 1 ? kept[0]! : { type: "sequence", items: kept };
}

export function choice(...items: readonly Node[]): Node {
  const kept = items.filter((item) => item.type !== "never");
  if (kept.length === 0) return never;
  return kept.length === 1 ? kept[0]! : { type: "choice", items: kept };
}

export function repeat(item: Node, min: number, max: number = Number.POSITIVE_INFINITY): Node {
  if (max < min) return never;
  if (max === 0 || item.type === "empty") return empty;
  if (item.type === "never") return min === 0 ? empty : never;
  return min === 1 && max === 1 ? item : { type: "repeat", item, min, max };
}

export function optional(item: Node): Node {
  return repeat(item, 0, 1);
}

/** The same tree with every node replaced from its leaves up. */
export function mapNode(node: Node, map: (node: Node) => Node): Node {
  switch (node.type) {
    case "sequence":
      return map(sequence(...node.items.map((item) => mapNode(item, map))));
    case "choice":
      return map(choice(...node.items.map((item) => mapNode(item, map))));
    case "repeat":
      return map(repeat(mapNode(node.item, map), node.min, node.max));
    case "until":
      return map({
        ...node,
        marks: node.marks.map((mark) => ({ ...mark, after: mapNode(mark.after, map) })),
      });
    default:
      return map(node);
  }
}
