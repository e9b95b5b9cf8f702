// What Python's jinja2 made of the same templates (fixtures/template/make-fixtures.py) is what we must make.
import { readdirSync, readFileSync } from "node:fs";
import { createChatTemplate } from "@dyn/tokenizer";
import { expect, test } from "vitest";

interface Case {
  readonly name: string;
  readonly conversation: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly expected?: string;
  /** The template's own message; `null` when Python failed in another way. */
  readonly error?: string | null;
}

interface Fixture {
  readonly tokens: { readonly bos_token: string; readonly eos_token: string };
  readonly conversations: Readonly<Record<string, Readonly<Record<string, unknown>>[]>>;
  readonly cases: readonly Case[];
}

const folder = new URL("./fixtures/template/", import.meta.url);
const names = readdirSync(new URL("sources/", folder)).map((name) => name.replace(".jinja", ""));

test.each(names)("%s renders as in Python", (name) => {
  const source = readFileSync(new URL(`sources/${name}.jinja`, folder), "utf8");
  const fixture: Fixture = JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
  const template = createChatTemplate(source, {
    bosToken: fixture.tokens.bos_token,
    eosToken: fixture.tokens.eos_token,
    now: () => new Date(2024, 6, 4, 15, 6, 9),
  });
  expect(fixture.cases.length).toBeGreaterThan(50);
  for (const { name: caseName, conversation, given, expected, error } of fixture.cases) {
    const { tools, documents, add_generation_prompt, ...variables } = given;
    const render = () =>
      template.render({
        messages: fixture.conversations[conversation] ?? [],
        tools: tools as unknown[] | undefined,
        documents: documents as unknown[] | undefined,
        addGenerationPrompt: add_generation_prompt as boolean | undefined,
        variables,
      });
    // Python renders the raw messages; parts are joined for templates that do not loop over them.
    if (conversation === "parts" && !/for \w+ in [\w.[\]']*content/.test(source)) {
      expect(render, caseName).toThrow(/content\[1\] is of type "image"/);
    } else if (expected !== undefined) {
      expect(render(), caseName).toBe(expected);
    } else if (typeof error === "string" && !error.includes("undefined")) {
      expect(render, caseName).toThrow(error);
    } else {
      expect(render, caseName).toThrow(/./);
    }
  }
});
