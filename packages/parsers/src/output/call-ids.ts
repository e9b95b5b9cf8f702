import { randomUUID } from "node:crypto";
import type { CallIdGenerator } from "../contract/parser-options.ts";

/** How the reference names the calls of a format (spec 2.9). */
export type CallIdStyle = "call-uuid" | "call-hex" | "uuid" | "call-number" | "native";

export function createCallIds(style: CallIdStyle): CallIdGenerator {
  switch (style) {
    case "call-uuid":
      return () => `call-${randomUUID()}`;
    case "call-hex":
      return () => `call_${randomUUID().replaceAll("-", "").slice(0, 24)}`;
    case "uuid":
      return () => randomUUID();
    case "call-number":
      return ({ index }) => `call-${index + 1}`;
    case "native":
      return ({ nativeId }) => nativeId ?? `call-${randomUUID()}`;
  }
}
