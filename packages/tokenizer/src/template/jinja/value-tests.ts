// What may stand behind `is`.
import { compareBy, contains, isEqual } from "./operators.ts";
import {
  isDict,
  isFloat,
  TemplateRuntimeError,
  toNumber,
  toText,
  typeName,
} from "./python-value.ts";

export type Test = (value: unknown, ...args: readonly unknown[]) => boolean;

export function findTest(name: string): Test | undefined {
  return tests.get(name);
}

const isCompared =
  (operator: string): Test =>
  (value, other) =>
    compareBy(operator, value, other);

const isSequence = (value: unknown) =>
  typeof value === "string" || Array.isArray(value) || isDict(value) || value === undefined;

const tests: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["defined", (value) => value !== undefined],
  ["undefined", (value) => value === undefined],
  ["none", (value) => value === null],
  ["boolean", (value) => typeof value === "boolean"],
  ["true", (value) => value === true],
  ["false", (value) => value === false],
  ["string", (value) => typeof value === "string"],
  ["number", (value) => toNumber(value) !== null],
  ["integer", (value) => typeof value === "number" && Number.isInteger(value)],
  ["float", isFloat],
  ["mapping", isDict],
  ["sequence", isSequence],
  ["iterable", isSequence],
  ["callable", (value) => typeof value === "function"],
  ["odd", (value) => modulo(value, 2) === 1],
  ["even", (value) => modulo(value, 2) === 0],
  ["divisibleby", (value, by) => modulo(value, toNumber(by) ?? 0) === 0],
  [
    "lower",
    (value) => toText(value) === toText(value).toLowerCase() && /\p{L}/u.test(toText(value)),
  ],
  [
    "upper",
    (value) => toText(value) === toText(value).toUpperCase() && /\p{L}/u.test(toText(value)),
  ],
  ["sameas", (value, other) => Object.is(value, other)],
  ["in", (value, container) => contains(container, value)],
  ["eq", isEqual],
  ["==", isEqual],
  ["equalto", isEqual],
  ["ne", isCompared("!=")],
  ["!=", isCompared("!=")],
  ["lt", isCompared("<")],
  ["lessthan", isCompared("<")],
  ["<", isCompared("<")],
  ["le", isCompared("<=")],
  ["<=", isCompared("<=")],
  ["gt", isCompared(">")],
  ["greaterthan", isCompared(">")],
  [">", isCompared(">")],
  ["ge", isCompared(">=")],
  [">=", isCompared(">=")],
]);

function modulo(value: unknown, by: number): number {
  const number = toNumber(value);
  if (number === null || by === 0) {
    throw new TemplateRuntimeError(`cannot divide ${typeName(value)} by ${by}`);
  }
  return number - by * Math.floor(number / by);
}
