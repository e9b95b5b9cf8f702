import type { GrammarSpec } from "../contract/grammar-spec.ts";
import { parseEbnf } from "../ebnf/parse-ebnf.ts";
import { assemble } from "../program/assemble.ts";
import type { Program } from "../program/program.ts";
import { parseRegex } from "../regex/parse-regex.ts";
import { schemaToGrammar } from "../schema/schema-to-grammar.ts";
import { choice, type Grammar, type Node, text } from "../syntax/node.ts";
import { structuralTagToGrammar } from "../tag/structural-tag.ts";
import { grammarFault } from "./grammar-fault.ts";

/** Takes as long as the grammar is large: callers that serve others do it on a thread. */
export function compileSpec(spec: GrammarSpec, maxStates: number): Program {
  return assemble(toGrammar(spec), { maxStates });
}

function toGrammar(spec: GrammarSpec): Grammar {
  switch (spec.kind) {
    case "json":
      return schemaToGrammar(spec.schema, spec.whitespacePattern);
    case "regex":
      return alone(parseRegex(spec.pattern, { mode: "anchored", where: "The regex" }));
    case "choice":
      if (spec.choices.length === 0)
        throw grammarFault("choice is an empty list; give at least one text.");
      return alone(choice(...spec.choices.map(text)));
    case "ebnf":
      return parseEbnf(spec.grammar);
    case "structural_tag":
      return structuralTagToGrammar(spec.tag);
  }
}

function alone(node: Node): Grammar {
  return { root: "root", rules: new Map([["root", node]]) };
}
