// Expressions, with the precedence of Jinja 3.1.
import { PythonFloat } from "./python-value.ts";
import type { CallArguments, Expression } from "./syntax-tree.ts";
import type { TokenStream } from "./token-stream.ts";

const comparisons = ["==", "!=", "<", "<=", ">", ">="];
const noArguments: CallArguments = { positional: [], named: [], spread: null, namedSpread: null };

/** One expression, or a tuple where commas follow. `endNames` end a tuple that has a trailing comma. */
export function parseTuple(
  stream: TokenStream,
  options: { withCondition?: boolean; endNames?: readonly string[]; inParentheses?: boolean } = {},
): Expression {
  const items: Expression[] = [];
  let isTuple = false;
  for (;;) {
    if (isTupleEnd(stream, options.endNames ?? [])) break;
    items.push(options.withCondition === false ? parseOr(stream) : parseExpression(stream));
    if (!stream.skip("operator", ",")) break;
    isTuple = true;
  }
  const [first] = items;
  if (!isTuple && first !== undefined) return first;
  if (!isTuple && options.inParentheses !== true) throw stream.error("expected an expression");
  return { kind: "tuple", items };
}

function isTupleEnd(stream: TokenStream, endNames: readonly string[]): boolean {
  return stream.current.type === "end" || stream.isOperator(")") || stream.isName(...endNames);
}

export function parseExpression(stream: TokenStream): Expression {
  let value = parseOr(stream);
  while (stream.skip("name", "if")) {
    const test = parseOr(stream);
    const otherwise = stream.skip("name", "else") ? parseExpression(stream) : null;
    value = { kind: "condition", test, value, otherwise };
  }
  return value;
}

function parseOr(stream: TokenStream): Expression {
  let left = parseAnd(stream);
  while (stream.skip("name", "or")) left = { kind: "or", left, right: parseAnd(stream) };
  return left;
}

function parseAnd(stream: TokenStream): Expression {
  let left = parseNot(stream);
  while (stream.skip("name", "and")) left = { kind: "and", left, right: parseNot(stream) };
  return left;
}

function parseNot(stream: TokenStream): Expression {
  if (stream.skip("name", "not")) {
    return { kind: "unary", operator: "not", operand: parseNot(stream) };
  }
  return parseComparison(stream);
}

function parseComparison(stream: TokenStream): Expression {
  const first = parseSum(stream);
  const rest: { operator: string; operand: Expression }[] = [];
  for (;;) {
    let operator: string;
    if (stream.current.type === "operator" && comparisons.includes(stream.current.value)) {
      operator = stream.next().value;
    } else if (stream.skip("name", "in")) {
      operator = "in";
    } else if (stream.isName("not") && stream.following.value === "in") {
      stream.next();
      stream.next();
      operator = "not in";
    } else break;
    rest.push({ operator, operand: parseSum(stream) });
  }
  return rest.length === 0 ? first : { kind: "compare", first, rest };
}

function parseSum(stream: TokenStream): Expression {
  let left = parseConcat(stream);
  while (stream.isOperator("+") || stream.isOperator("-")) {
    const operator = stream.next().value;
    left = { kind: "binary", operator, left, right: parseConcat(stream) };
  }
  return left;
}

function parseConcat(stream: TokenStream): Expression {
  const first = parseProduct(stream);
  const items = [first];
  while (stream.skip("operator", "~")) items.push(parseProduct(stream));
  return items.length === 1 ? first : { kind: "concat", items };
}

function parseProduct(stream: TokenStream): Expression {
  let left = parsePower(stream);
  while (["*", "/", "//", "%"].some((text) => stream.isOperator(text))) {
    const operator = stream.next().value;
    left = { kind: "binary", operator, left, right: parsePower(stream) };
  }
  return left;
}

function parsePower(stream: TokenStream): Expression {
  let left = parseUnary(stream, true);
  while (stream.skip("operator", "**")) {
    left = { kind: "binary", operator: "**", left, right: parseUnary(stream, true) };
  }
  return left;
}

function parseUnary(stream: TokenStream, withFilter: boolean): Expression {
  let node: Expression;
  if (stream.isOperator("-") || stream.isOperator("+")) {
    const operator = stream.next().value === "-" ? "-" : "+";
    node = { kind: "unary", operator, operand: parseUnary(stream, false) };
  } else {
    node = parsePrimary(stream);
  }
  node = parsePostfix(stream, node);
  return withFilter ? parseFilters(stream, node) : node;
}

function parsePrimary(stream: TokenStream): Expression {
  const token = stream.next();
  switch (token.type) {
    case "name":
      return nameToExpression(token.value);
    case "string": {
      let value = token.value;
      while (stream.current.type === "string") value += stream.next().value;
      return { kind: "constant", value };
    }
    case "integer":
      return { kind: "constant", value: Number(token.value.replaceAll("_", "")) };
    case "float":
      return {
        kind: "constant",
        value: PythonFloat.from(Number(token.value.replaceAll("_", ""))),
      };
    case "operator":
      if (token.value === "(") {
        const node = parseTuple(stream, { inParentheses: true });
        stream.expect("operator", ")");
        return node;
      }
      if (token.value === "[") return { kind: "list", items: parseItems(stream, "]") };
      if (token.value === "{") return parseDict(stream);
      throw stream.error(`unexpected "${token.value}"`);
    default:
      throw stream.error("expected an expression");
  }
}

function nameToExpression(name: string): Expression {
  if (name === "true" || name === "True") return { kind: "constant", value: true };
  if (name === "false" || name === "False") return { kind: "constant", value: false };
  if (name === "none" || name === "None") return { kind: "constant", value: null };
  return { kind: "name", name };
}

function parseItems(stream: TokenStream, end: string): Expression[] {
  const items: Expression[] = [];
  while (!stream.isOperator(end)) {
    if (items.length > 0) stream.expect("operator", ",");
    if (stream.isOperator(end)) break;
    items.push(parseExpression(stream));
  }
  stream.expect("operator", end);
  return items;
}

function parseDict(stream: TokenStream): Expression {
  const entries: [Expression, Expression][] = [];
  while (!stream.isOperator("}")) {
    if (entries.length > 0) stream.expect("operator", ",");
    if (stream.isOperator("}")) break;
    const key = parseExpression(stream);
    stream.expect("operator", ":");
    entries.push([key, parseExpression(stream)]);
  }
  stream.expect("operator", "}");
  return { kind: "dict", entries };
}

function parsePostfix(stream: TokenStream, start: Expression): Expression {
  let node = start;
  for (;;) {
    if (stream.skip("operator", ".")) {
      const token = stream.next();
      if (token.type === "name") node = { kind: "attribute", object: node, name: token.value };
      else if (token.type === "integer") {
        node = {
          kind: "item",
          object: node,
          index: { kind: "constant", value: Number(token.value) },
        };
      } else throw stream.error("expected a name or a number behind the dot");
    } else if (stream.skip("operator", "[")) node = parseSubscript(stream, node);
    else if (stream.isOperator("(")) {
      node = { kind: "call", callee: node, args: parseArguments(stream) };
    } else return node;
  }
}

function parseSubscript(stream: TokenStream, object: Expression): Expression {
  const part = () =>
    stream.isOperator(":") || stream.isOperator("]") ? null : parseExpression(stream);
  const start = part();
  if (stream.skip("operator", ":")) {
    const stop = part();
    const step = stream.skip("operator", ":") ? part() : null;
    stream.expect("operator", "]");
    return { kind: "slice", object, start, stop, step };
  }
  stream.expect("operator", "]");
  if (start === null) throw stream.error("expected an index");
  return { kind: "item", object, index: start };
}

function parseArguments(stream: TokenStream): CallArguments {
  stream.expect("operator", "(");
  const positional: Expression[] = [];
  const named: [string, Expression][] = [];
  let spread: Expression | null = null;
  let namedSpread: Expression | null = null;
  for (let count = 0; !stream.isOperator(")"); count++) {
    if (count > 0) stream.expect("operator", ",");
    if (stream.isOperator(")")) break;
    if (stream.skip("operator", "*")) spread = parseExpression(stream);
    else if (stream.skip("operator", "**")) namedSpread = parseExpression(stream);
    else if (stream.current.type === "name" && stream.following.value === "=") {
      const name = stream.next().value;
      stream.next();
      named.push([name, parseExpression(stream)]);
    } else positional.push(parseExpression(stream));
  }
  stream.expect("operator", ")");
  return { positional, named, spread, namedSpread };
}

function parseFilters(stream: TokenStream, start: Expression): Expression {
  let node = start;
  for (;;) {
    if (stream.isOperator("|")) node = parseFilter(stream, node);
    else if (stream.isName("is")) node = parseTest(stream, node);
    else if (stream.isOperator("(")) {
      node = { kind: "call", callee: node, args: parseArguments(stream) };
    } else return node;
  }
}

/** `| name(args)`, as often as it stands there. */
export function parseFilter(stream: TokenStream, operand: Expression | null): Expression {
  let node: Expression | null = operand;
  do {
    stream.skip("operator", "|");
    const { line } = stream.current;
    let name = stream.expectName();
    while (stream.skip("operator", ".")) name += `.${stream.expectName()}`;
    const args = stream.isOperator("(") ? parseArguments(stream) : noArguments;
    node = { kind: "filter", operand: node, name, args, line };
  } while (stream.isOperator("|"));
  return node;
}

function parseTest(stream: TokenStream, operand: Expression): Expression {
  const { line } = stream.next();
  const negated = stream.skip("name", "not");
  const name = stream.expectName();
  let args = noArguments;
  if (stream.isOperator("(")) args = parseArguments(stream);
  else if (startsArgument(stream)) {
    args = { ...noArguments, positional: [parsePostfix(stream, parsePrimary(stream))] };
  }
  return { kind: "test", operand, name, args, negated, line };
}

function startsArgument(stream: TokenStream): boolean {
  const { type, value } = stream.current;
  if (type === "name") return !["else", "or", "and", "if", "is", "not", "in"].includes(value);
  return (
    type === "string" || type === "integer" || type === "float" || value === "[" || value === "{"
  );
}
