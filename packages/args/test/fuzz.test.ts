import {
  ArgsError,
  engineOptions,
  frontendOptions,
  parseFrontendArgs,
  parseLaunchArgs,
  parseWorkerArgs,
  workerCommand,
  workerOptions,
} from "@dyn/args";
import { DynError } from "@dyn/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const flags = [
  ...Object.keys({ ...engineOptions.shape, ...workerOptions.shape, ...frontendOptions.shape }).map(
    (field) => `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  ),
  ...(workerCommand.nativeFlags ?? []).map(({ flag }) => `--${flag}`),
];
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...flags) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "--",
      "-",
      "--=",
      "-i",
      "-h",
      "--config",
      "--help",
      "--no-",
      "--__proto__",
      "--constructor",
      "--no-toString",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "1",
      "-1",
      "0",
      "",
      "true",
      "null",
      "None",
      "{}",
      "[",
      "x.yaml",
      "dyn://a.b.c",
      "1e999",
      "9".repeat(40),
    ),
  },
  { weight: 1, arbitrary: fc.string() },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...flags), fc.string())
      .map(([flag, text]) => `${flag}=${text}`),
  },
);
const yaml = fc.oneof(
  fc.string(),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc
    .dictionary(fc.constantFrom(...flags.map((flag) => flag.slice(2))), fc.jsonValue())
    .map((value) => JSON.stringify(value)),
);
const variables = [
  "DYN_NAMESPACE",
  "DYN_HTTP_PORT",
  "DYN_ENDPOINT",
  "DYN_STRUCTURAL_TAG",
  "DYN_ENDPOINT_TYPES",
  "DYN_FPM_TRACE",
];
const environment = fc.dictionary(fc.constantFrom(...variables), fc.string());

describe("whatever is typed, an error is an ArgsError with a sentence", () => {
  test.each([
    ["worker", parseWorkerArgs],
    ["frontend", parseFrontendArgs],
    ["launch", parseLaunchArgs],
  ] as const)("%s", (_, parse) => {
    let ran = 0;
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 8 }),
        environment,
        yaml,
        fc.boolean(),
        (argv, env, text, hasModel) => {
          try {
            const args = parse({
              argv: hasModel ? ["--model-path", "m", ...argv] : argv,
              env,
              readFile: () => text,
            });
            if (args.action === "run") ran += 1;
          } catch (error) {
            expect(error).toBeInstanceOf(ArgsError);
            expect(DynError.is(error)).toBe(true);
            expect((error as ArgsError).code).toMatch(/^DYN_ARGS_[A-Z_]+$/);
            expect((error as ArgsError).message.length).toBeGreaterThan(20);
          }
        },
      ),
      { numRuns: 1500 },
    );
    expect(ran).toBeGreaterThan(0);
  });

  test("files of any content", () => {
    fc.assert(
      fc.property(yaml, (text) => {
        try {
          parseWorkerArgs({
            argv: ["--model-path", "m", "--config", "x.yaml"],
            env: {},
            readFile: () => text,
          });
        } catch (error) {
          expect(error).toBeInstanceOf(ArgsError);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
