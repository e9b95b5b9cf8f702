import { TemplateRuntimeError } from "./python-value.ts";

/** Positional and named arguments in the order of `names`; `undefined` for what was not given. */
export function readArguments(
  callee: string,
  names: readonly string[],
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): unknown[] {
  if (args.length > names.length) {
    throw new TemplateRuntimeError(
      `${callee}() takes at most ${names.length} arguments (${args.length} given)`,
    );
  }
  const values = names.map((_, index) => args[index]);
  for (const [name, value] of named) {
    const at = names.indexOf(name);
    if (at === -1) {
      throw new TemplateRuntimeError(`${callee}() got an unexpected keyword argument '${name}'`);
    }
    values[at] = value;
  }
  return values;
}
