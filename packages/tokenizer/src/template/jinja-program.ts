// Jinja source to a function from variables to text, with the environment that transformers gives templates.
import { Environment, Interpreter, Template } from "@huggingface/jinja";
import { strftime } from "./strftime.ts";

/** Renders once. The variables are not changed. */
export type JinjaProgram = (variables: Readonly<Record<string, unknown>>) => string;

/** The template called `raise_exception`. */
export class TemplateRaised extends Error {}

export function compileJinja(source: string, now: () => Date): JinjaProgram {
  const { parsed } = new Template(source);
  return (variables) => {
    const environment = new Environment();
    const globals: Record<string, unknown> = {
      true: true,
      false: false,
      none: null,
      True: true,
      False: false,
      None: null,
      range,
      raise_exception: (message: unknown) => {
        throw new TemplateRaised(String(message));
      },
      strftime_now: (format: string) => strftime(now(), format),
      ...variables,
    };
    for (const [name, value] of Object.entries(globals)) environment.set(name, value);
    return String(new Interpreter(environment).run(parsed).value);
  };
}

function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  return Array.from({ length }, (_, index) => start + index * step);
}
