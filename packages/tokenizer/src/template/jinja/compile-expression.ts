// Expressions to closures. A closure is made once for each template and called once for each rendering.
import { getAttribute, getItem, getSlice } from "./attributes.ts";
import { findFilter } from "./find-filter.ts";
import { applyBinary, compareBy, isEqual, negate } from "./operators.ts";
import {
  dictEntries,
  isDict,
  isTruthy,
  type PythonFunction,
  PythonTuple,
  TemplateRuntimeError,
  toItems,
  toNumber,
  toText,
  typeName,
} from "./python-value.ts";
import type { Scope } from "./scope.ts";
import type { CallArguments, Expression } from "./syntax-tree.ts";
import { TemplateSyntaxError } from "./token.ts";
import { findTest } from "./value-tests.ts";

export type Evaluate = (scope: Scope) => unknown;

/** `operand` stands for the text of a block that a filter is applied to. */
export function compileExpression(node: Expression, operand?: Evaluate): Evaluate {
  switch (node.kind) {
    case "constant": {
      const { value } = node;
      return () => value;
    }
    case "name": {
      const { name } = node;
      return (scope) => scope.get(name);
    }
    case "list": {
      const items = node.items.map((item) => compileExpression(item));
      return (scope) => items.map((item) => item(scope));
    }
    case "tuple": {
      const items = node.items.map((item) => compileExpression(item));
      return (scope) => PythonTuple.fromItems(items.map((item) => item(scope)));
    }
    case "dict": {
      const entries = node.entries.map(
        ([key, value]) => [compileExpression(key), compileExpression(value)] as const,
      );
      return (scope) => new Map(entries.map(([key, value]) => [key(scope), value(scope)]));
    }
    case "attribute": {
      const object = compileExpression(node.object);
      const { name } = node;
      return (scope) => {
        const value = object(scope);
        if (value === undefined) throw undefinedError(node.object, name);
        return getAttribute(value, name);
      };
    }
    case "item": {
      const object = compileExpression(node.object);
      const index = compileExpression(node.index);
      return (scope) => {
        const value = object(scope);
        if (value === undefined) throw undefinedError(node.object, toText(index(scope)));
        return getItem(value, index(scope));
      };
    }
    case "slice": {
      const object = compileExpression(node.object);
      const [start, stop, step] = [node.start, node.stop, node.step].map((part) =>
        part === null ? () => undefined : compileExpression(part),
      ) as [Evaluate, Evaluate, Evaluate];
      return (scope) => getSlice(object(scope), start(scope), stop(scope), step(scope));
    }
    case "call":
      return compileCall(node.callee, node.args);
    case "filter":
      return compileFilter(node, operand);
    case "test":
      return compileTest(node);
    case "unary":
      return compileUnary(node.operator, compileExpression(node.operand));
    case "binary": {
      const { operator } = node;
      const left = compileExpression(node.left);
      const right = compileExpression(node.right);
      if (operator === "+") return compileSum(left, right);
      return (scope) => applyBinary(operator, left(scope), right(scope));
    }
    case "concat": {
      const items = node.items.map((item) => compileExpression(item));
      return (scope) => items.map((item) => toText(item(scope))).join("");
    }
    case "and": {
      const left = compileExpression(node.left);
      const right = compileExpression(node.right);
      return (scope) => {
        const value = left(scope);
        return isTruthy(value) ? right(scope) : value;
      };
    }
    case "or": {
      const left = compileExpression(node.left);
      const right = compileExpression(node.right);
      return (scope) => {
        const value = left(scope);
        return isTruthy(value) ? value : right(scope);
      };
    }
    case "compare":
      return compileComparison(node);
    case "condition": {
      const test = compileExpression(node.test);
      const then = compileExpression(node.value);
      const otherwise =
        node.otherwise === null ? () => undefined : compileExpression(node.otherwise);
      return (scope) => (isTruthy(test(scope)) ? then(scope) : otherwise(scope));
    }
  }
}

function undefinedError(object: Expression, attribute: string): TemplateRuntimeError {
  const name =
    object.kind === "name" || object.kind === "attribute" ? `'${object.name}'` : "a value";
  return new TemplateRuntimeError(`${name} is undefined, and has no '${attribute}'`);
}

function compileComparison(node: Extract<Expression, { kind: "compare" }>): Evaluate {
  const first = compileExpression(node.first);
  const rest = node.rest.map(({ operator, operand }) => ({
    operator,
    operand: compileExpression(operand),
  }));
  const [only] = rest;
  if (only !== undefined && rest.length === 1) {
    const { operator, operand } = only;
    if (operator === "==" || operator === "!=") {
      return compileEquality(first, operand, operator === "==");
    }
    return (scope) => compareBy(operator, first(scope), operand(scope));
  }
  return (scope) => {
    let left = first(scope);
    for (const { operator, operand } of rest) {
      const right = operand(scope);
      if (!compareBy(operator, left, right)) return false;
      left = right;
    }
    return true;
  };
}

/** Texts are most of what is joined and compared. */
function compileSum(left: Evaluate, right: Evaluate): Evaluate {
  return (scope) => {
    const a = left(scope);
    const b = right(scope);
    return typeof a === "string" && typeof b === "string" ? a + b : applyBinary("+", a, b);
  };
}

function compileEquality(left: Evaluate, right: Evaluate, wanted: boolean): Evaluate {
  return (scope) => {
    const a = left(scope);
    const b = right(scope);
    const isSame = typeof a === "string" && typeof b === "string" ? a === b : isEqual(a, b);
    return isSame === wanted;
  };
}

function compileUnary(operator: "-" | "+" | "not", operand: Evaluate): Evaluate {
  if (operator === "not") return (scope) => !isTruthy(operand(scope));
  if (operator === "-") return (scope) => negate(operand(scope));
  return (scope) => {
    const value = operand(scope);
    if (toNumber(value) !== null) return typeof value === "boolean" ? Number(value) : value;
    throw new TemplateRuntimeError(`bad operand type for unary +: '${typeName(value)}'`);
  };
}

function compileCall(calleeNode: Expression, args: CallArguments): Evaluate {
  const callee = compileExpression(calleeNode);
  const evaluate = compileArguments(args);
  return (scope) => {
    const called = callee(scope);
    if (typeof called !== "function") {
      const name = "name" in calleeNode ? `'${calleeNode.name}'` : "a value";
      throw new TemplateRuntimeError(
        called === undefined
          ? `${name} is undefined`
          : `'${typeName(called)}' object is not callable`,
      );
    }
    const { positional, named } = evaluate(scope);
    return (called as PythonFunction)(positional, named);
  };
}

const noNames: ReadonlyMap<string, unknown> = new Map();

function compileArguments(args: CallArguments) {
  const positional = args.positional.map((arg) => compileExpression(arg));
  const named = args.named.map(([name, value]) => [name, compileExpression(value)] as const);
  const spread = args.spread === null ? null : compileExpression(args.spread);
  const namedSpread = args.namedSpread === null ? null : compileExpression(args.namedSpread);
  return (scope: Scope) => {
    const values = positional.map((arg) => arg(scope));
    if (spread !== null) values.push(...toItems(spread(scope)));
    if (named.length === 0 && namedSpread === null) return { positional: values, named: noNames };
    const names = new Map<string, unknown>();
    for (const [name, value] of named) names.set(name, value(scope));
    const more = namedSpread?.(scope);
    if (isDict(more)) for (const [name, value] of dictEntries(more)) names.set(String(name), value);
    return { positional: values, named: names };
  };
}

function compileFilter(
  node: Extract<Expression, { kind: "filter" }>,
  blockText: Evaluate | undefined,
): Evaluate {
  const filter = findFilter(node.name);
  if (filter === undefined) {
    throw new TemplateSyntaxError(`No filter named '${node.name}'.`, node.line);
  }
  const operand = node.operand === null ? blockText : compileExpression(node.operand, blockText);
  if (operand === undefined) throw new TemplateSyntaxError("a filter of nothing", node.line);
  const evaluate = compileArguments(node.args);
  return (scope) => {
    const value = operand(scope);
    const { positional, named } = evaluate(scope);
    return filter(value, positional, named);
  };
}

function compileTest(node: Extract<Expression, { kind: "test" }>): Evaluate {
  const test = findTest(node.name);
  if (test === undefined) throw new TemplateSyntaxError(`No test named '${node.name}'.`, node.line);
  const operand = compileExpression(node.operand);
  const { negated } = node;
  const args = node.args.positional.map((arg) => compileExpression(arg));
  if (args.length === 0) return (scope) => test(operand(scope)) !== negated;
  return (scope) => test(operand(scope), ...args.map((arg) => arg(scope))) !== negated;
}
