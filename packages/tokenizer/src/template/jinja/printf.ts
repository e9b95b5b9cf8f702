import {
  PythonFloat,
  PythonTuple,
  TemplateRuntimeError,
  toNumber,
  toRepr,
  toText,
  typeName,
} from "./python-value.ts";

const directive = /%([-0 +]*)(\d+)?(?:\.(\d+))?([sdirfx%])/g;

/** Python's `text % value` for s, r, d, i, x, f and %%. Only a tuple holds several arguments. */
export function printf(text: string, value: unknown): string {
  const args = value instanceof PythonTuple ? value : [value];
  // Python takes what has items for names, of which not all need be used.
  const mayBeLeft = value === undefined || (typeof value === "object" && args !== value);
  let at = 0;
  const result = text.replace(
    directive,
    (_, flags: string, width: string | undefined, precision: string | undefined, type: string) => {
      if (type === "%") return "%";
      if (at >= args.length) {
        throw new TemplateRuntimeError("not enough arguments for format string");
      }
      const piece = formatOne(args[at++], type, precision, flags);
      const size = Number(width ?? 0);
      if (flags.includes("-")) return piece.padEnd(size);
      return piece.padStart(size, flags.includes("0") && type !== "s" ? "0" : " ");
    },
  );
  if (at < args.length && (!mayBeLeft || value === null || value instanceof PythonFloat)) {
    throw new TemplateRuntimeError("not all arguments converted during string formatting");
  }
  return result;
}

function formatOne(
  value: unknown,
  type: string,
  precision: string | undefined,
  flags: string,
): string {
  if (type === "s" || type === "r") {
    const text = type === "s" ? toText(value) : toRepr(value);
    return precision === undefined ? text : text.slice(0, Number(precision));
  }
  const number = toNumber(value);
  if (number === null) {
    throw new TemplateRuntimeError(`%${type} format: a number is required, not ${typeName(value)}`);
  }
  const sign = flags.includes("+") && number >= 0 ? "+" : "";
  if (type === "f") return sign + number.toFixed(Number(precision ?? 6));
  return sign + Math.trunc(number).toString(type === "x" ? 16 : 10);
}
