// What no machine could follow is found before one is built: rules without end, rules that begin with themselves.
import { grammarFault } from "../compile/grammar-fault.ts";
import {
  choice,
  empty,
  type Grammar,
  mapNode,
  type Node,
  never,
  repeat,
  sequence,
} from "../syntax/node.ts";

/**
 * The same language without what can never be completed. Direct left recursion (`a ::= a "x" | "y"`) becomes
 * a loop; any other is refused by the name of its rule, as is a grammar that no finite text satisfies.
 */
export function checkGrammar(grammar: Grammar): Grammar {
  const looped = new Map([...grammar.rules].map(([name, node]) => [name, unroll(name, node)]));
  const productive = fixpoint(looped, isProductive);
  if (!productive.has(grammar.root)) {
    throw grammarFault(
      "No finite text satisfies the grammar: every way through it needs itself again. Give the recursion an end (an optional part, an empty array, null).",
    );
  }
  const rules = new Map<string, Node>();
  for (const [name, node] of looped) {
    if (!productive.has(name)) continue;
    rules.set(
      name,
      mapNode(node, (part) => (part.type === "rule" && !productive.has(part.name) ? never : part)),
    );
  }
  refuseLeftRecursion(rules, fixpoint(rules, isNullable));
  return { root: grammar.root, rules };
}

/** `a ::= a x | y` is `a ::= y x*`. */
function unroll(name: string, node: Node): Node {
  if (node.type !== "choice") return node;
  const tails: Node[] = [];
  const heads: Node[] = [];
  for (const item of node.items) {
    const first = item.type === "sequence" ? item.items[0]! : item;
    if (first.type !== "rule" || first.name !== name) heads.push(item);
    else if (item.type === "sequence") tails.push(sequence(...item.items.slice(1)));
  }
  if (tails.length === 0) return choice(...heads);
  return sequence(choice(...heads), repeat(choice(...tails), 0));
}

/** The rules for which `holds` follows from the rules for which it holds. */
function fixpoint(
  rules: ReadonlyMap<string, Node>,
  holds: (node: Node, known: ReadonlySet<string>) => boolean,
): Set<string> {
  const users = new Map<string, string[]>();
  for (const [name, node] of rules) {
    for (const used of rulesIn(node)) users.set(used, [...(users.get(used) ?? []), name]);
  }
  const known = new Set<string>();
  const open = [...rules.keys()];
  while (open.length > 0) {
    const name = open.pop()!;
    if (known.has(name) || !holds(rules.get(name)!, known)) continue;
    known.add(name);
    open.push(...(users.get(name) ?? []));
  }
  return known;
}

function rulesIn(node: Node): Set<string> {
  const found = new Set<string>();
  mapNode(node, (part) => {
    if (part.type === "rule") found.add(part.name);
    return part;
  });
  return found;
}

function isProductive(node: Node, known: ReadonlySet<string>): boolean {
  switch (node.type) {
    case "never":
      return false;
    case "rule":
      return known.has(node.name);
    case "sequence":
      return node.items.every((item) => isProductive(item, known));
    case "choice":
      return node.items.some((item) => isProductive(item, known));
    case "repeat":
      return node.min === 0 || isProductive(node.item, known);
    case "until":
      return node.mayEnd || node.marks.some((mark) => isProductive(mark.after, known));
    default:
      return true;
  }
}

function isNullable(node: Node, known: ReadonlySet<string>): boolean {
  switch (node.type) {
    case "empty":
      return true;
    case "rule":
      return known.has(node.name);
    case "sequence":
      return node.items.every((item) => isNullable(item, known));
    case "choice":
      return node.items.some((item) => isNullable(item, known));
    case "repeat":
      return node.min === 0 || isNullable(node.item, known);
    case "until":
      return node.mayEnd;
    default:
      return false;
  }
}

function refuseLeftRecursion(
  rules: ReadonlyMap<string, Node>,
  nullable: ReadonlySet<string>,
): void {
  const done = new Set<string>();
  for (const start of rules.keys()) {
    const path = new Set<string>();
    const open: { name: string; leaves?: boolean }[] = [{ name: start }];
    while (open.length > 0) {
      const { name, leaves } = open.pop()!;
      if (leaves) {
        path.delete(name);
        done.add(name);
        continue;
      }
      if (path.has(name)) {
        throw grammarFault(
          `Rule ${JSON.stringify(name)} begins with itself by way of another rule; rewrite it so that each round takes a character first, or as a repetition (x*).`,
        );
      }
      if (done.has(name)) continue;
      path.add(name);
      open.push({ name, leaves: true });
      for (const first of firstRules(rules.get(name) ?? empty, nullable))
        open.push({ name: first });
    }
  }
}

/** The rules that may be entered before a character is taken. */
function firstRules(node: Node, nullable: ReadonlySet<string>): string[] {
  switch (node.type) {
    case "rule":
      return [node.name];
    case "choice":
      return node.items.flatMap((item) => firstRules(item, nullable));
    case "repeat":
      return firstRules(node.item, nullable);
    case "sequence": {
      const out: string[] = [];
      for (const item of node.items) {
        out.push(...firstRules(item, nullable));
        if (!isNullable(item, nullable)) break;
      }
      return out;
    }
    default:
      return [];
  }
}
