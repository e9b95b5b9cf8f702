// Python's operators on template values. Errors are worded as Python words them.
import { printf } from "./printf.ts";
import {
  dictEntries,
  dictGet,
  dictHas,
  dictSize,
  isDict,
  isFloat,
  type PythonDict,
  PythonFloat,
  PythonTuple,
  TemplateRuntimeError,
  toNumber,
  typeName,
} from "./python-value.ts";

export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const x = toNumber(a);
  if (x !== null) return x === toNumber(b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return (
      a instanceof PythonTuple === b instanceof PythonTuple &&
      a.length === b.length &&
      a.every((item, index) => isEqual(item, b[index]))
    );
  }
  return isDict(a) && isDict(b) && isEqualDict(a, b);
}

function isEqualDict(a: PythonDict, b: PythonDict): boolean {
  if (dictSize(a) !== dictSize(b)) return false;
  return dictEntries(a).every(([key, value]) => dictHas(b, key) && isEqual(value, dictGet(b, key)));
}

/** Below 0, 0, above 0. Throws for what Python does not order. */
export function compareValues(a: unknown, b: unknown, operator = "<"): number {
  const x = toNumber(a);
  const y = toNumber(b);
  if (x !== null && y !== null) return x - y;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (Array.isArray(a) && Array.isArray(b) && typeName(a) === typeName(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (!isEqual(a[i], b[i])) return compareValues(a[i], b[i], operator);
    }
    return a.length - b.length;
  }
  throw new TemplateRuntimeError(
    `'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`,
  );
}

/** By code points, as Python; JavaScript compares UTF-16 units. */
function compareText(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === a.length || at === b.length) return a.length - b.length;
  const x = a.charCodeAt(at);
  const y = b.charCodeAt(at);
  const lift = (unit: number) => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);
  return lift(x) - lift(y);
}

export function compareBy(operator: string, a: unknown, b: unknown): boolean {
  switch (operator) {
    case "==":
      return isEqual(a, b);
    case "!=":
      return !isEqual(a, b);
    case "in":
      return contains(b, a);
    case "not in":
      return !contains(b, a);
    case "<":
      return compareValues(a, b, operator) < 0;
    case "<=":
      return compareValues(a, b, operator) <= 0;
    case ">":
      return compareValues(a, b, operator) > 0;
    default:
      return compareValues(a, b, operator) >= 0;
  }
}

export function contains(container: unknown, item: unknown): boolean {
  if (typeof container === "string") {
    if (typeof item === "string") return container.includes(item);
    throw new TemplateRuntimeError(
      `'in <string>' requires string as left operand, not ${typeName(item)}`,
    );
  }
  if (Array.isArray(container)) return container.some((other) => isEqual(other, item));
  if (isDict(container)) return dictHas(container, item);
  if (container === undefined) return false;
  throw new TemplateRuntimeError(`argument of type '${typeName(container)}' is not iterable`);
}

export function applyBinary(operator: string, left: unknown, right: unknown): unknown {
  if (operator === "%" && typeof left === "string") return printf(left, right);
  if (left === undefined || right === undefined) {
    throw new TemplateRuntimeError(`an operand of "${operator}" is undefined`);
  }
  const a = toNumber(left);
  const b = toNumber(right);
  if (a !== null && b !== null)
    return applyNumbers(operator, a, b, isFloat(left) || isFloat(right));
  if (operator === "+") {
    if (typeof left === "string" && typeof right === "string") return left + right;
    if (Array.isArray(left) && Array.isArray(right)) {
      const isTuple = left instanceof PythonTuple;
      if (isTuple === right instanceof PythonTuple) {
        const items = [...left, ...right];
        return isTuple ? PythonTuple.fromItems(items) : items;
      }
    }
    if (typeof left === "string") {
      throw new TemplateRuntimeError(`can only concatenate str (not "${typeName(right)}") to str`);
    }
  }
  if (operator === "*") {
    if (a !== null && !isFloat(left)) return repeat(right, a);
    if (b !== null && !isFloat(right)) return repeat(left, b);
  }
  throw new TemplateRuntimeError(
    `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function repeat(value: unknown, count: number): unknown {
  const times = Math.max(0, count);
  if (typeof value === "string") {
    if (value.length * times > 1e8) throw new TemplateRuntimeError("a repeated string is too long");
    return value.repeat(times);
  }
  if (Array.isArray(value) && value.length * times <= 1e6) {
    return Array.from({ length: times }, () => value).flat(1);
  }
  throw new TemplateRuntimeError(`cannot repeat '${typeName(value)}'`);
}

function applyNumbers(operator: string, a: number, b: number, asFloat: boolean): unknown {
  const result = (value: number) => (asFloat ? PythonFloat.from(value) : value);
  switch (operator) {
    case "+":
      return result(a + b);
    case "-":
      return result(a - b);
    case "*":
      return result(a * b);
    case "**":
      if (a === 0 && b < 0)
        throw new TemplateRuntimeError("0.0 cannot be raised to a negative power");
      return b < 0 ? PythonFloat.from(a ** b) : result(a ** b);
  }
  if (b === 0) throw new TemplateRuntimeError("division by zero");
  switch (operator) {
    case "/":
      return PythonFloat.from(a / b);
    case "//":
      return result(Math.floor(a / b));
    default:
      return result(a - b * Math.floor(a / b));
  }
}

export function negate(value: unknown): unknown {
  const number = toNumber(value);
  if (number === null) {
    throw new TemplateRuntimeError(`bad operand type for unary -: '${typeName(value)}'`);
  }
  return isFloat(value) ? PythonFloat.from(-number) : -number;
}
