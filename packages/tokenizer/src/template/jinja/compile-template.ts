// Statements to closures that append to one output.
import { LoopState } from "./attributes.ts";
import { compileExpression, type Evaluate } from "./compile-expression.ts";
import { createGlobals } from "./globals.ts";
import { parseTemplate } from "./parse-template.ts";
import {
  isTruthy,
  Namespace,
  type PythonFunction,
  PythonTuple,
  TemplateRuntimeError,
  toItems,
  toText,
} from "./python-value.ts";
import { Scope } from "./scope.ts";
import type { Parameter, Statement, Target } from "./syntax-tree.ts";

/** Renders once. The variables are not changed. */
export type JinjaProgram = (variables: Readonly<Record<string, unknown>>) => string;

interface Output {
  text: string;
}

/** How a statement ended. */
type Flow = "next" | "break" | "continue";
type Run = (scope: Scope, output: Output) => Flow;
type Assign = (scope: Scope, value: unknown) => void;

/** Throws TemplateSyntaxError. `now` is read by strftime_now. */
export function compileJinja(source: string, now: () => Date): JinjaProgram {
  const run = compileBody(parseTemplate(source));
  const globals = new Scope(null);
  for (const [name, value] of createGlobals(now)) globals.set(name, value);
  return (variables) => {
    const scope = new Scope(globals);
    for (const [name, value] of Object.entries(variables)) scope.set(name, value);
    const output = { text: "" };
    run(scope, output);
    return output.text;
  };
}

function compileBody(statements: readonly Statement[]): Run {
  const runs = statements.map(compileStatement);
  const [only] = runs;
  if (only !== undefined && runs.length === 1) return only;
  return (scope, output) => {
    for (const run of runs) {
      const flow = run(scope, output);
      if (flow !== "next") return flow;
    }
    return "next";
  };
}

function compileStatement(node: Statement): Run {
  switch (node.kind) {
    case "text": {
      const { text } = node;
      return (_, output) => {
        output.text += text;
        return "next";
      };
    }
    case "output": {
      const value = compileExpression(node.value);
      return (scope, output) => {
        output.text += toText(value(scope));
        return "next";
      };
    }
    case "if":
      return compileIf(node);
    case "for":
      return compileFor(node);
    case "set": {
      const assign = compileTarget(node.target);
      const value = compileExpression(node.value);
      return (scope) => {
        assign(scope, value(scope));
        return "next";
      };
    }
    case "set-block": {
      const assign = compileTarget(node.target);
      const text = compileText(node.body);
      const value = node.filter === null ? text : compileExpression(node.filter, text);
      return (scope) => {
        assign(scope, value(scope));
        return "next";
      };
    }
    case "filter-block": {
      const value = compileExpression(node.filter, compileText(node.body));
      return (scope, output) => {
        output.text += toText(value(scope));
        return "next";
      };
    }
    case "macro": {
      const create = compileMacro(node.parameters, node.body);
      return (scope) => {
        scope.set(node.name, create(scope));
        return "next";
      };
    }
    case "call-block":
      return compileCallBlock(node);
    case "with":
      return compileWith(node);
    default: {
      const { kind } = node;
      return () => kind;
    }
  }
}

function compileIf(node: Extract<Statement, { kind: "if" }>): Run {
  const branches = node.branches.map(({ test, body }) => ({
    test: compileExpression(test),
    body: compileBody(body),
  }));
  const otherwise = compileBody(node.otherwise);
  return (scope, output) => {
    for (const { test, body } of branches) {
      if (isTruthy(test(scope))) return body(scope, output);
    }
    return otherwise(scope, output);
  };
}

function compileFor(node: Extract<Statement, { kind: "for" }>): Run {
  const assign = compileTarget(node.target);
  const iterable = compileExpression(node.iterable);
  const test = node.test === null ? null : compileExpression(node.test);
  const body = compileBody(node.body);
  const otherwise = compileBody(node.otherwise);
  return (scope, output) => {
    let items = toItems(iterable(scope));
    if (test !== null) {
      items = items.filter((item) => {
        const inner = new Scope(scope);
        assign(inner, item);
        return isTruthy(test(inner));
      });
    }
    if (items.length === 0) return otherwise(new Scope(scope), output);
    const depth = scope.loopDepth + 1;
    const loop = new LoopState(items, depth);
    for (let index = 0; index < items.length; index++) {
      loop.index0 = index;
      const inner = new Scope(scope, depth);
      inner.set("loop", loop);
      assign(inner, items[index]);
      if (body(inner, output) === "break") break;
    }
    return "next";
  };
}

function compileTarget(target: Target): Assign {
  if (target.kind === "name") {
    const { name } = target;
    return (scope, value) => scope.set(name, value);
  }
  if (target.kind === "attribute") {
    const { name, attribute } = target;
    return (scope, value) => {
      const object = scope.get(name);
      if (!(object instanceof Namespace)) {
        throw new TemplateRuntimeError("cannot assign attribute on non-namespace object");
      }
      object.attributes.set(attribute, value);
    };
  }
  const parts = target.items.map(compileTarget);
  return (scope, value) => {
    const items = toItems(value);
    if (items.length !== parts.length) {
      throw new TemplateRuntimeError(`cannot unpack ${items.length} values into ${parts.length}`);
    }
    for (const [index, assign] of parts.entries()) assign(scope, items[index]);
  };
}

/** What a block prints, in a scope of its own. */
function compileText(body: readonly Statement[]): Evaluate {
  const run = compileBody(body);
  return (scope) => {
    const output = { text: "" };
    run(new Scope(scope), output);
    return output.text;
  };
}

function compileMacro(
  parameters: readonly Parameter[],
  body: readonly Statement[],
): (scope: Scope) => PythonFunction {
  const run = compileBody(body);
  const fallbacks = parameters.map(({ fallback }) =>
    fallback === null ? null : compileExpression(fallback),
  );
  const names = parameters.map((parameter) => parameter.name);
  return (scope) => (args, named) => {
    const inner = new Scope(scope);
    const rest = new Map(named);
    inner.set("caller", rest.get("caller"));
    rest.delete("caller");
    for (let index = 0; index < names.length; index++) {
      const parameter = names[index]!;
      const given = index < args.length ? args[index] : rest.get(parameter);
      const isGiven = index < args.length || rest.delete(parameter);
      inner.set(parameter, isGiven ? given : fallbacks[index]?.(inner));
    }
    inner.set("varargs", PythonTuple.fromItems(args.slice(names.length)));
    inner.set("kwargs", rest);
    const output = { text: "" };
    run(inner, output);
    return output.text;
  };
}

function compileCallBlock(node: Extract<Statement, { kind: "call-block" }>): Run {
  const createCaller = compileMacro(node.parameters, node.body);
  const { call } = node;
  if (call.kind !== "call") throw new TemplateRuntimeError("a call block without a call");
  const value = compileExpression({
    ...call,
    args: {
      ...call.args,
      named: [...call.args.named, ["caller", { kind: "name", name: "caller" }]],
    },
  });
  return (scope, output) => {
    const inner = new Scope(scope);
    inner.set("caller", createCaller(scope));
    output.text += toText(value(inner));
    return "next";
  };
}

function compileWith(node: Extract<Statement, { kind: "with" }>): Run {
  const bindings = node.bindings.map(
    ([target, value]) => [compileTarget(target), compileExpression(value)] as const,
  );
  const body = compileBody(node.body);
  return (scope, output) => {
    const inner = new Scope(scope);
    for (const [assign, value] of bindings) assign(inner, value(scope));
    return body(inner, output);
  };
}
