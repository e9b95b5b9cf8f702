// Every construct by itself, against what Python's jinja2 says (fixtures/template/make-fixtures.py).
import { readFileSync } from "node:fs";
import { createChatTemplate } from "@dyn/tokenizer";
import { expect, test } from "vitest";

interface Construct {
  readonly source: string;
  readonly expected?: string;
  readonly error?: string | null;
  readonly syntaxError?: string;
}

const fixture: { variables: Record<string, unknown>; cases: Construct[] } = JSON.parse(
  readFileSync(new URL("./fixtures/template/constructs.json", import.meta.url), "utf8"),
);

const compile = (source: string) =>
  createChatTemplate(source, { now: () => new Date(2024, 6, 4, 15, 6, 9) });

test.each(fixture.cases)("$source", ({ source, expected, error, syntaxError }) => {
  if (syntaxError !== undefined) {
    expect(() => compile(source)).toThrow(
      expect.objectContaining({ code: "DYN_TEMPLATE_INVALID" }),
    );
    return;
  }
  const render = () => compile(source).render({ messages: [], variables: fixture.variables });
  if (expected !== undefined) expect(render()).toBe(expected);
  else {
    expect(render).toThrow(
      expect.objectContaining({ code: "DYN_TEMPLATE_RENDER_FAILED", status: 400 }),
    );
    expect(error === undefined).toBe(false);
  }
});
