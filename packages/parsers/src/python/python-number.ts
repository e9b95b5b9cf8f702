const decimal = /^(?:\d+(?:_\d+)*)?(?:\.(?:\d+(?:_\d+)*)?)?(?:e[+-]?\d+(?:_\d+)*)?$/i;
const integer = /^(?:0+(?:_0+)*|[1-9]\d*(?:_\d+)*)$/;
const based = /^0(?:x[\da-f]+(?:_[\da-f]+)*|o[0-7]+(?:_[0-7]+)*|b[01]+(?:_[01]+)*)$/i;
/** Digits of a number in base 16, 8 or 2: converting is not linear. */
const maxBasedLength = 1024;

/** A Python number without sign as JSON, digit for digit; null when it is none. */
export function pythonNumber(text: string): string | null {
  if (based.test(text)) {
    return text.length > maxBasedLength ? null : BigInt(text.replaceAll("_", "")).toString();
  }
  if (!/\d/.test(text) || !/^\.?\d/.test(text) || !decimal.test(text)) return null;
  const digits = text.replaceAll("_", "");
  if (/^\d+$/.test(digits)) {
    if (!integer.test(text)) return null;
    return digits.replace(/^0+(?=\d)/, "");
  }
  const [, whole, fraction, exponent] = /^(\d*)(?:\.(\d*))?(e[+-]?\d+)?$/i.exec(digits) ?? [];
  const leading = (whole ?? "").replace(/^0+(?=\d)/, "") || "0";
  return `${leading}${fraction ? `.${fraction}` : digits.includes(".") ? ".0" : ""}${exponent ?? ""}`;
}
