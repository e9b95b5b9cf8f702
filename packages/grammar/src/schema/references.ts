// $ref within one document.
import { grammarFault } from "../compile/grammar-fault.ts";
import { demandSchema, isObject, type Place, type Schema } from "./schema-place.ts";

export class References {
  readonly #root: Schema;

  constructor(root: Schema) {
    this.#root = root;
  }

  /** Where the reference leads; of a chain of bare references, its end. */
  resolve(reference: unknown, path: string): Place {
    const seen = new Set<string>();
    let place = this.#find(reference, path);
    while (isObject(place.schema) && isBareReference(place.schema)) {
      if (seen.has(place.path)) {
        throw grammarFault(
          `The JSON schema at ${path} refers to ${JSON.stringify(reference)}, which leads back to itself without saying anything; let it end at a schema.`,
        );
      }
      seen.add(place.path);
      place = this.#find(place.schema.$ref, place.path);
    }
    return place;
  }

  #find(reference: unknown, path: string): Place {
    if (typeof reference !== "string" || !/^#(\/|$)/.test(reference)) {
      throw grammarFault(
        `The JSON schema at ${path} has $ref ${JSON.stringify(reference)}, which is not within the schema; put what it refers to under $defs and write #/$defs/<name>.`,
      );
    }
    let value: unknown = this.#root;
    for (const part of reference.split("/").slice(1)) {
      const key = decode(part);
      const isHere = typeof value === "object" && value !== null && Object.hasOwn(value, key);
      value = isHere ? (value as Record<string, unknown>)[key] : undefined;
    }
    if (value === undefined) {
      throw grammarFault(
        `The JSON schema at ${path} has $ref ${JSON.stringify(reference)}, but nothing stands there; define it.`,
      );
    }
    return demandSchema(value, reference);
  }
}

function isBareReference(schema: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(schema).length === 1 && schema.$ref !== undefined;
}

function decode(part: string): string {
  let text = part;
  try {
    text = decodeURIComponent(part);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  return text.replaceAll("~1", "/").replaceAll("~0", "~");
}
