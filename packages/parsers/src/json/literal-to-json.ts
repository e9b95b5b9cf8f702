const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const looseNumber = /^([+-]?)0*(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/;

const maxLooseLength = 256;

const words: ReadonlyMap<string, string> = new Map([
  ["true", "true"],
  ["false", "false"],
  ["null", "null"],
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
  ["undefined", "null"],
  // JSON has no such numbers; null is what JSON.stringify makes of them.
  ["NaN", "null"],
  ["Infinity", "null"],
  ["-Infinity", "null"],
]);

/** A bare literal of JSON, Python or JavaScript as JSON; null when it is none. A strict number stays as it is written. */
export function literalToJson(literal: string): string | null {
  if (number.test(literal)) return literal;
  const word = words.get(literal);
  if (word !== undefined) return word;
  // The pattern may look twice at each digit: no matter for what a number can be long.
  const loose = literal.length > maxLooseLength ? null : looseNumber.exec(literal);
  if (loose === null || !/^[+-]?\.?\d/.test(literal)) return null;
  const [, sign, whole, fraction, exponent] = loose;
  return `${sign === "-" ? "-" : ""}${whole || "0"}${fraction ? `.${fraction}` : ""}${exponent ?? ""}`;
}
