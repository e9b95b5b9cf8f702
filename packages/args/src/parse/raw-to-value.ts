import { ArgsError } from "../args-error.ts";
import type { Command } from "../command/command.ts";
import { describeValues } from "../option/describe-values.ts";
import type { OptionSpec } from "../option/option-spec.ts";
import { nearestName } from "./nearest-name.ts";
import type { RawValue } from "./raw-value.ts";
import { textsToValue, UnusableText } from "./text-to-value.ts";

/** Reads and validates one option; without a raw value its default. */
export function rawToValue(command: Command, spec: OptionSpec, raw: RawValue | undefined): unknown {
  if (raw === undefined && spec.required) {
    const { envOnly, env, placeholder = "VALUE" } = spec.meta;
    const ways = [
      ...(command.positional === spec.flag ? [`a ${spec.flag}`] : []),
      ...(envOnly ? [] : [`--${spec.flag} ${placeholder}`]),
      ...(env === undefined ? [] : [`${env}=${placeholder}`]),
    ];
    throw new ArgsError(
      "MISSING_OPTION",
      `${command.name} needs ${ways.join(" or ")}: ${spec.description}`,
      {
        flag: `--${spec.flag}`,
      },
    );
  }
  const input = raw === undefined ? undefined : readTexts(spec, raw);
  const result = spec.schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const at = issue === undefined || issue.path.length === 0 ? "" : ` (at ${issue.path.join(".")})`;
  if (raw === undefined)
    throw new TypeError(`Option ${spec.flag}: the default is no valid value: ${issue?.message}`);
  const said =
    spec.kind === "json" || spec.kind === "string" || spec.kind === "list"
      ? `${issue?.message}${at}. `
      : "";
  throw invalidValue(spec, raw, `${said}${expectation(spec, raw)}`);
}

function readTexts(spec: OptionSpec, raw: RawValue): unknown {
  try {
    return textsToValue(spec, raw.texts);
  } catch (error) {
    if (error instanceof UnusableText) throw invalidValue(spec, raw, error.message);
    throw error;
  }
}

function expectation(spec: OptionSpec, raw: RawValue): string {
  const retired = spec.meta.retiredValues?.[raw.texts[0] ?? ""];
  if (retired !== undefined) return retired;
  const nearest =
    spec.choices.length === 0 ? undefined : nearestName(raw.texts[0] ?? "", spec.choices);
  const hint = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  return `Expected ${describeValues(spec)}.${hint}`;
}

function invalidValue(spec: OptionSpec, raw: RawValue, why: string): ArgsError {
  const given = spec.meta.secret ? "the value given" : `"${raw.texts.join(" ")}"`;
  const name = spec.meta.envOnly ? (spec.meta.env ?? spec.flag) : `--${spec.flag}`;
  const from = raw.source.detail.startsWith(name) ? "" : ` (from ${raw.source.detail})`;
  return new ArgsError("INVALID_VALUE", `${name} cannot be ${given}${from}. ${why}`, {
    flag: name,
  });
}
