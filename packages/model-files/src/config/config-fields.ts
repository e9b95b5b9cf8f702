// Reads single fields of a parsed config file. Every complaint names the file, the field and its value.
import { ModelFileError } from "../files/model-file-error.ts";
import { isJsonObject, type JsonObject } from "../files/read-json-file.ts";

/** `null` and an absent field are the same: transformers writes both. */
export class ConfigFields {
  readonly file: string;
  readonly #object: JsonObject;
  readonly #prefix: string;

  constructor(file: string, object: JsonObject, prefix = "") {
    this.file = file;
    this.#object = object;
    this.#prefix = prefix;
  }

  invalid(field: string, what: string): ModelFileError {
    return new ModelFileError(
      "DYN_MODEL_FILE_INVALID",
      this.file,
      `field "${this.#prefix}${field}" ${what}`,
    );
  }

  unsupported(field: string, what: string): ModelFileError {
    return new ModelFileError(
      "DYN_MODEL_UNSUPPORTED",
      this.file,
      `field "${this.#prefix}${field}" ${what}`,
    );
  }

  value(field: string): unknown {
    return this.#object[field] ?? undefined;
  }

  has(field: string): boolean {
    return this.value(field) !== undefined;
  }

  keys(): string[] {
    return Object.keys(this.#object);
  }

  /** A whole number >= 1. Without `fallback` the field must be there. */
  count(field: string, fallback?: number): number {
    const value = this.#required(field, fallback);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) {
      throw this.invalid(field, `must be a whole number of at least 1, but is ${show(value)}.`);
    }
    return value;
  }

  /** A finite number > 0. */
  positive(field: string, fallback?: number): number {
    const value = this.#required(field, fallback);
    if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
      throw this.invalid(field, `must be a number above 0, but is ${show(value)}.`);
    }
    return value;
  }

  /** A finite number >= 0, or `undefined`. */
  optionalNumber(field: string, minimum = 0): number | undefined {
    const value = this.value(field);
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isFinite(value) || value < minimum) {
      throw this.invalid(field, `must be a number of at least ${minimum}, but is ${show(value)}.`);
    }
    return value;
  }

  flag(field: string, fallback: boolean): boolean {
    const value = this.value(field) ?? fallback;
    if (typeof value !== "boolean") {
      throw this.invalid(field, `must be true or false, but is ${show(value)}.`);
    }
    return value;
  }

  text(field: string): string | undefined {
    const value = this.value(field);
    if (value !== undefined && typeof value !== "string") {
      throw this.invalid(field, `must be a string, but is ${show(value)}.`);
    }
    return value;
  }

  object(field: string): ConfigFields | undefined {
    const value = this.value(field);
    if (value === undefined) return undefined;
    if (!isJsonObject(value)) {
      throw this.invalid(field, `must be an object, but is ${show(value)}.`);
    }
    return new ConfigFields(this.file, value, `${this.#prefix}${field}.`);
  }

  /** One token id or a list of them, each below `vocabSize`. `undefined` when absent. */
  tokenIds(field: string, vocabSize: number): readonly number[] | undefined {
    const value = this.value(field);
    if (value === undefined) return undefined;
    const ids = Array.isArray(value) ? value : [value];
    for (const id of ids) {
      if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0 || id >= vocabSize) {
        throw this.invalid(
          field,
          `must hold token ids from 0 to ${vocabSize - 1} (vocab_size - 1), but holds ${show(id)}.`,
        );
      }
    }
    return [...new Set<number>(ids)];
  }

  #required(field: string, fallback: number | undefined): unknown {
    const value = this.value(field) ?? fallback;
    if (value === undefined) throw this.invalid(field, "is missing.");
    return value;
  }
}

export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
