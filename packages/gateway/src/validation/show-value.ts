const maxLength = 60;

/** A value of a client as it may stand in a message: JSON, cut short. */
export function showValue(value: unknown): string {
  if (typeof value === "number") return String(value);
  // A large value is not spelled out in full only to be cut.
  if (typeof value === "string") return clip(JSON.stringify(value.slice(0, maxLength + 1)));
  if (Array.isArray(value)) {
    return value.length > 8 ? `a list of ${value.length} entries` : clip(JSON.stringify(value));
  }
  if (typeof value === "object" && value !== null) {
    const keys = Object.keys(value);
    return keys.length > 8 ? `an object of ${keys.length} keys` : clip(JSON.stringify(value));
  }
  return String(value);
}

function clip(text: string): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
}
