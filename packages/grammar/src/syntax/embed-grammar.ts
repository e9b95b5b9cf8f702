import { type Grammar, mapNode, type Node, rule } from "./node.ts";

/** Puts the grammar's rules among others under names of their own; returns what stands for its whole text. */
export function embedGrammar(into: Map<string, Node>, grammar: Grammar): Node {
  const prefix = `${into.size}:`;
  for (const [name, node] of grammar.rules) {
    into.set(
      prefix + name,
      mapNode(node, (part) => (part.type === "rule" ? rule(prefix + part.name) : part)),
    );
  }
  return rule(prefix + grammar.root);
}
