// The JSON Schema of --disagg-config files says what the parser says.
import { parseWorkerArgs, workerCommand } from "@dyn/args";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { disaggConfig } from "../scripts/disagg-config.ts";

const { schema, valid, invalid } = disaggConfig;
const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema);

/** What the worker says of each section; JSON is YAML. */
function readAll(file: unknown): void {
  const sections = Object.keys(file as object);
  if (sections.length === 0 || Array.isArray(file)) sections.push("prefill");
  for (const section of sections) {
    parseWorkerArgs({
      argv: ["--disagg-config", "d.yaml", "--disagg-config-key", section, "--model-path", "x"],
      env: {},
      readFile: () => JSON.stringify(file),
    });
  }
}

test.each(valid.map((file) => [file]))("both take %j", (file) => {
  expect(validate(file), JSON.stringify(validate.errors)).toBe(true);
  readAll(file);
});

test.each(invalid.map((file) => [file]))("both refuse %j", (file) => {
  expect(validate(file)).toBe(false);
  expect(() => readAll(file)).toThrow(/disagg-config|d\.yaml/);
});

test("every flag that other programs have is known to both, as far as it is accepted", () => {
  const wrong = (workerCommand.nativeFlags ?? []).filter(({ flag, verdict, accepts, arity }) => {
    const value = accepts?.[0] ?? (arity === "none" ? true : "1");
    const file = { prefill: { [flag]: value } };
    const isTaken = verdict === "notice" || accepts !== undefined;
    let isRead = true;
    try {
      readAll(file);
    } catch {
      isRead = false;
    }
    return validate(file) !== isTaken || isRead !== isTaken;
  });
  expect(wrong.map(({ flag }) => flag)).toEqual([]);
});
