// Statements. What chat templates have no use for (include, extends, block, import) is refused by name.
import { tokenize } from "./lexer.ts";
import { parseExpression, parseFilter, parseTuple } from "./parse-expression.ts";
import type { Expression, Parameter, Statement, Target } from "./syntax-tree.ts";
import { TokenStream } from "./token-stream.ts";

/** Throws TemplateSyntaxError, with the line. */
export function parseTemplate(source: string): Statement[] {
  const stream = new TokenStream(tokenize(source));
  const body = parseBody(stream, []);
  if (stream.current.type !== "eof") throw stream.error("unexpected end tag");
  return body;
}

/** Up to, not with, one of the `ends`: stands behind the `{%` then. At the end of the template without ends. */
function parseBody(stream: TokenStream, ends: readonly string[]): Statement[] {
  const body: Statement[] = [];
  for (;;) {
    const token = stream.next();
    if (token.type === "eof") {
      if (ends.length === 0) return body;
      throw stream.error(`expected {% ${ends.join(" or ")} %}, found the end of the template`);
    }
    if (token.type === "data") body.push({ kind: "text", text: token.value });
    else if (token.value === "{{") {
      body.push({ kind: "output", value: parseTuple(stream) });
      stream.expect("end", "}}");
    } else {
      if (stream.isName(...ends)) return body;
      body.push(...parseStatement(stream));
    }
  }
}

/** A body with its end tag. */
function parseBlock(stream: TokenStream, end: string): Statement[] {
  stream.expect("end", "%}");
  const body = parseBody(stream, [end]);
  stream.next();
  stream.expect("end", "%}");
  return body;
}

function parseStatement(stream: TokenStream): Statement[] {
  const name = stream.expectName();
  switch (name) {
    case "if":
      return [parseIf(stream)];
    case "for":
      return [parseFor(stream)];
    case "set":
      return [parseSet(stream)];
    case "macro": {
      const macro = stream.expectName();
      const parameters = parseParameters(stream);
      return [{ kind: "macro", name: macro, parameters, body: parseBlock(stream, "endmacro") }];
    }
    case "call": {
      const parameters = stream.isOperator("(") ? parseParameters(stream) : [];
      const call = parseExpression(stream);
      if (call.kind !== "call") throw stream.error("expected a call behind {% call");
      return [{ kind: "call-block", parameters, call, body: parseBlock(stream, "endcall") }];
    }
    case "filter": {
      const filter = parseFilter(stream, null);
      return [{ kind: "filter-block", filter, body: parseBlock(stream, "endfilter") }];
    }
    case "with":
      return [parseWith(stream)];
    case "generation":
      // transformers' mark for training; it only opens a scope.
      return [{ kind: "with", bindings: [], body: parseBlock(stream, "endgeneration") }];
    case "break":
    case "continue":
      stream.expect("end", "%}");
      return [{ kind: name }];
    default:
      throw stream.error(`unknown tag "${name}"`);
  }
}

function parseIf(stream: TokenStream): Statement {
  const branches: { test: Expression; body: Statement[] }[] = [];
  let otherwise: Statement[] = [];
  do {
    const test = parseTuple(stream, { withCondition: false });
    stream.expect("end", "%}");
    branches.push({ test, body: parseBody(stream, ["elif", "else", "endif"]) });
  } while (stream.skip("name", "elif"));
  if (stream.skip("name", "else")) {
    stream.expect("end", "%}");
    otherwise = parseBody(stream, ["endif"]);
  }
  stream.expect("name", "endif");
  stream.expect("end", "%}");
  return { kind: "if", branches, otherwise };
}

function parseFor(stream: TokenStream): Statement {
  const target = parseTarget(stream, "in");
  stream.expect("name", "in");
  const iterable = parseTuple(stream, { withCondition: false, endNames: ["recursive"] });
  const test = stream.skip("name", "if") ? parseExpression(stream) : null;
  if (stream.isName("recursive")) throw stream.error("recursive loops are not supported");
  stream.expect("end", "%}");
  const body = parseBody(stream, ["else", "endfor"]);
  let otherwise: Statement[] = [];
  if (stream.skip("name", "else")) {
    stream.expect("end", "%}");
    otherwise = parseBody(stream, ["endfor"]);
  }
  stream.expect("name", "endfor");
  stream.expect("end", "%}");
  return { kind: "for", target, iterable, test, body, otherwise };
}

function parseSet(stream: TokenStream): Statement {
  const target = parseTarget(stream, null);
  if (stream.skip("operator", "=")) {
    const value = parseTuple(stream);
    stream.expect("end", "%}");
    return { kind: "set", target, value };
  }
  const filter = stream.isOperator("|") ? parseFilter(stream, null) : null;
  return { kind: "set-block", target, filter, body: parseBlock(stream, "endset") };
}

function parseTarget(stream: TokenStream, endName: string | null): Target {
  const items: Target[] = [];
  let isTuple = false;
  for (;;) {
    if (stream.skip("operator", "(")) {
      items.push(parseTarget(stream, null));
      stream.expect("operator", ")");
    } else {
      const name = stream.expectName();
      items.push(
        stream.skip("operator", ".")
          ? { kind: "attribute", name, attribute: stream.expectName() }
          : { kind: "name", name },
      );
    }
    if (!stream.skip("operator", ",")) break;
    isTuple = true;
    if (stream.isOperator(")") || (endName !== null && stream.isName(endName))) break;
  }
  const [first] = items;
  return isTuple || first === undefined ? { kind: "tuple", items } : first;
}

function parseParameters(stream: TokenStream): Parameter[] {
  stream.expect("operator", "(");
  const parameters: Parameter[] = [];
  while (!stream.isOperator(")")) {
    if (parameters.length > 0) stream.expect("operator", ",");
    if (stream.isOperator(")")) break;
    const name = stream.expectName();
    const fallback = stream.skip("operator", "=") ? parseExpression(stream) : null;
    parameters.push({ name, fallback });
  }
  stream.expect("operator", ")");
  return parameters;
}

function parseWith(stream: TokenStream): Statement {
  const bindings: [Target, Expression][] = [];
  while (stream.current.type !== "end") {
    if (bindings.length > 0) stream.expect("operator", ",");
    const name = stream.expectName();
    stream.expect("operator", "=");
    bindings.push([{ kind: "name", name }, parseExpression(stream)]);
  }
  return { kind: "with", bindings, body: parseBlock(stream, "endwith") };
}
