import { defineCommand, option, parseArgs } from "@dyn/args";
import { expect, test } from "vitest";
import { z } from "zod";

const define = (concerns: Record<string, z.ZodObject>) =>
  defineCommand({ name: "tool", summary: "A tool.", version: "1", concerns });
const parse = (concerns: Record<string, z.ZodObject>, argv: string[] = []) =>
  parseArgs(define(concerns), { argv, env: {} });

test("two options of one spelling are a fault of the program", () => {
  const a = z.object({ port: option("Port.", z.string().default("")) });
  const b = z.object({ other: option("Port.", z.string().default(""), { aliases: ["port"] }) });
  expect(() => parse({ a, b })).toThrow("both spelled port");
});

test("a schema instance is one option", () => {
  const shared = z.string().default("");
  option("One.", shared);
  expect(() => option("Two.", shared)).toThrow("another option's");
});

test("a type that no text can express is a fault of the program", () => {
  expect(() => parse({ a: z.object({ when: z.date() }) })).toThrow(
    "a.when: no text can stand for a zod date",
  );
});

test("plain zod metadata does as well as option()", () => {
  const concerns = {
    a: z.object({
      port: z
        .number()
        .int()
        .meta({ description: "Port.", aliases: ["p"] })
        .default(80),
    }),
  };
  expect(parse(concerns)).toMatchObject({ values: { a: { port: 80 } } });
  expect(parse(concerns, ["--p", "81"])).toMatchObject({ values: { a: { port: 81 } } });
});

test("a default that its own schema refuses is a fault of the program", () => {
  expect(() => parse({ a: z.object({ port: z.number().int().prefault(1.5) }) })).toThrow(TypeError);
});

test("what stands after -- is kept where the command wants it", () => {
  const command = defineCommand({
    name: "tool",
    summary: "A tool.",
    version: "1",
    concerns: {},
    keepsRest: true,
  });
  expect(parseArgs(command, { argv: ["--", "a", "--b"], env: {} })).toMatchObject({
    rest: ["a", "--b"],
  });
});
