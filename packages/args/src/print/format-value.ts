import type { OptionSpec } from "../option/option-spec.ts";

/** What stands for a secret that is set. */
export const secretMask = "********";

/** A value as text, with secrets masked; empty for an option that is not set. */
export function formatValue(spec: OptionSpec, value: unknown): string {
  if (value === undefined) return "";
  if (value === null) return "None";
  if (spec.meta.secret) return secretMask;
  if (Array.isArray(value)) {
    return value.map(String).join(spec.meta.list === "comma" ? "," : " ");
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
