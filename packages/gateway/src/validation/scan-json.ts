// Looks over the bytes of a JSON body before it is parsed: what costs memory or hides a value is refused here.
import { badJson } from "../errors/gateway-errors.ts";
import type { GatewayLimits } from "../limits.ts";

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

export type JsonLimits = Pick<GatewayLimits, "jsonDepth" | "jsonContainerCount" | "jsonValueCount">;

/** Of the outermost object: no request has as many fields. */
const maxKeyCount = 1000;

/**
 * Throws when there are too many values or they nest too deep, or when a key of the outermost object
 * stands twice. Text inside strings is skipped at memory speed; syntax is the parser's matter.
 */
export function scanJson(body: Buffer, limits: JsonLimits): void {
  const { jsonDepth, jsonContainerCount, jsonValueCount } = limits;
  const keys = new Set<string>();
  let depth = 0;
  let containerCount = 0;
  let valueCount = 0;
  let expectsKey = false;
  for (let i = 0; i < body.length; i++) {
    switch (body[i]) {
      case quote: {
        const end = endOfString(body, i + 1);
        if (depth === 1 && expectsKey) {
          const key = body.toString("utf8", i + 1, end);
          if (keys.has(key)) throw badJson(`the key ${JSON.stringify(key)} stands twice.`);
          keys.add(key);
          if (keys.size > maxKeyCount) throw badJson(`it has more than ${maxKeyCount} keys.`);
          expectsKey = false;
        }
        i = end;
        break;
      }
      case openBrace:
      case openBracket:
        depth += 1;
        if (depth > jsonDepth) {
          throw badJson(`objects and lists nest deeper than ${jsonDepth} levels.`);
        }
        containerCount += 1;
        if (containerCount > jsonContainerCount) {
          throw badJson(`it has more than ${jsonContainerCount} objects and lists.`);
        }
        expectsKey = body[i] === openBrace && depth === 1;
        break;
      case closeBrace:
      case closeBracket:
        depth -= 1;
        expectsKey = false;
        break;
      case comma:
        valueCount += 1;
        if (valueCount > jsonValueCount) {
          throw badJson(`it has more than ${jsonValueCount} values.`);
        }
        // Inside a list at depth 1 strings are no keys: such a body is refused as no object later.
        expectsKey = depth === 1 && keys.size > 0;
        break;
    }
  }
}

/** Index of the closing quote, or the end of the body. */
function endOfString(body: Buffer, start: number): number {
  for (let from = start; ; ) {
    const end = body.indexOf(quote, from);
    if (end === -1) return body.length;
    let escapes = 0;
    while (body[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
    from = end + 1;
  }
}
