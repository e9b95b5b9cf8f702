import { ArgsError } from "../args-error.ts";
import type { Command, ValueSource } from "../command/command.ts";
import { builtinConcern } from "../command/define-command.ts";
import type { NativeFlag } from "../native/native-flag.ts";
import type { OptionSpec } from "../option/option-spec.ts";
import type { Mapping } from "./config-file.ts";
import { findExactFlag, unknownFlagError } from "./find-flag.ts";
import type { Layer } from "./raw-value.ts";

export interface MappingContext {
  readonly command: Command;
  readonly kind: "file" | "preset";
  /** Name of the file or preset, for messages. */
  readonly name: string;
  readonly notice: (sentence: string) => void;
  readonly onNative: (native: NativeFlag, spelled: string, values: readonly string[]) => void;
}

/**
 * Reads a mapping of flags to values. A key is a flag in full, without dashes in front; underscores count as dashes.
 * Sequences give lists, mappings give JSON, null is the text None (only options that know None take it).
 */
export function mappingToLayer(mapping: Mapping, context: MappingContext): Layer {
  const layer: Layer = new Map();
  for (const [key, value] of Object.entries(mapping)) {
    const spelled = key.replace(/^--/, "");
    const found = findExactFlag(context.command, spelled);
    if (found === undefined)
      throw unknownFlagError(context.command, spelled, ` in ${context.name}`);
    if (found.kind === "native") {
      if (value !== false)
        context.onNative(found.native, `${context.name}: ${key}`, nativeTexts(value, key, context));
      continue;
    }
    const { spec, negated } = found;
    if (negated || (spec.concern === builtinConcern && context.kind === "file")) {
      const remedy = negated ? `write ${spec.flag}: false` : "give it on the command line";
      throw invalid(context, key, `This key cannot stand in a file; ${remedy}.`);
    }
    if (spec.meta.oldNames?.includes(found.name)) {
      context.notice(`${context.name}: ${key} is an old name: use ${spec.flag}.`);
    }
    const source: ValueSource = { kind: context.kind, detail: `${context.name}: ${key}` };
    layer.set(spec, { texts: valueToTexts(spec, value, key, context), source });
  }
  return layer;
}

function valueToTexts(
  spec: OptionSpec,
  value: unknown,
  key: string,
  context: MappingContext,
): readonly string[] {
  if (Array.isArray(value)) {
    if (spec.kind === "list") return value.map((item) => scalarToText(item, key, context));
    if (spec.kind === "json") return [structureToJson(value, key, context)];
    throw invalid(context, key, "This option takes one value, not a list.");
  }
  if (typeof value === "object" && value !== null) {
    if (spec.kind === "json" || spec.kind === "string")
      return [structureToJson(value, key, context)];
    throw invalid(context, key, "This option takes no mapping.");
  }
  if (value === null || value === undefined) {
    if (spec.nullable) return ["None"];
    throw invalid(context, key, "It has no value (null): write one, or leave the key out.");
  }
  return [scalarToText(value, key, context)];
}

function scalarToText(value: unknown, key: string, context: MappingContext): string {
  if (typeof value === "object") {
    throw invalid(context, key, "The items of a list must be texts, numbers or booleans.");
  }
  return String(value);
}

function nativeTexts(value: unknown, key: string, context: MappingContext): readonly string[] {
  if (value === true) return [];
  const items = Array.isArray(value) ? value : [value];
  return items.map((item) =>
    typeof item === "object" && item !== null
      ? structureToJson(item, key, context)
      : String(item ?? "None"),
  );
}

/** An anchor may make a YAML value contain itself: JSON has no way to say that. */
function structureToJson(value: object, key: string, context: MappingContext): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw invalid(context, key, "The value contains itself, by an anchor: write it out.");
  }
}

function invalid(context: MappingContext, key: string, why: string): ArgsError {
  return new ArgsError("INVALID_VALUE", `${context.name}, key ${key}: ${why}`, {
    flag: `--${key}`,
  });
}
