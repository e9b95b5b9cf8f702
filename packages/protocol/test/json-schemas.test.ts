import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, test } from "vitest";
import { schemaCatalog } from "../scripts/schema-catalog.ts";
import { documentOf, foreignEntries, schemaFiles, schemaFolder } from "../scripts/schema-files.ts";

const folder = fileURLToPath(schemaFolder);

test("the written schemas are those of the code: pnpm --filter @dyn/protocol schemas", () => {
  const written = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(folder.length).replace(/^\//, ""));
  const wanted = schemaFiles();
  const foreign = foreignEntries.flatMap(({ name }) => [`${name}.json`, `examples/${name}.json`]);
  expect(written.sort()).toEqual([...wanted.keys(), ...foreign].sort());
  for (const [path, text] of wanted) {
    expect(readFileSync(new URL(path, schemaFolder), "utf8"), path).toBe(text);
  }
});

describe.for(schemaCatalog)("$name", (entry) => {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (formats as unknown as (to: Ajv2020) => void)(ajv);
  const validate = ajv.compile(documentOf(entry));

  test("takes its examples, as the code does", () => {
    expect(entry.valid.length).toBeGreaterThan(0);
    for (const value of entry.valid) {
      expect(validate(value), `${JSON.stringify(value)} ${ajv.errorsText(validate.errors)}`).toBe(
        true,
      );
      expect(entry.schema.safeParse(value).error).toBeUndefined();
    }
  });

  test("refuses what the code refuses", () => {
    expect(entry.invalid.length).toBeGreaterThan(0);
    for (const value of entry.invalid) {
      expect(validate(value), JSON.stringify(value)).toBe(false);
      expect(entry.schema.safeParse(value).success, JSON.stringify(value)).toBe(false);
    }
  });
});

/** Field by field the reference's, as recorded. */
const probes: Readonly<Record<string, string>> = {
  SglangHealthCheckPayload: "health-token",
  SglangDisaggHealthCheckPayload: "health-disaggregated",
  SglangPrefillHealthCheckPayload: "health-disaggregated",
  SglangEmbeddingHealthCheckPayload: "health-embedding",
  SglangRerankHealthCheckPayload: "health-rerank",
};

test("the recorded probes of the reference are valid", () => {
  const recorded = JSON.parse(
    readFileSync(new URL("./fixtures/health-payloads.json", import.meta.url), "utf8"),
  ) as Record<string, unknown>;
  expect(Object.keys(recorded).sort()).toEqual(Object.keys(probes).sort());
  for (const [name, payload] of Object.entries(recorded)) {
    const entry = schemaCatalog.find((it) => it.name === probes[name])!;
    expect(entry.schema.safeParse(payload).error, name).toBeUndefined();
    expect(new Ajv2020({ strict: false }).compile(documentOf(entry))(payload), name).toBe(true);
  }
});

const script = `
import json, sys, jsonschema
index = json.load(open("index.json"))
for entry in index["schemas"]:
    schema = json.load(open(entry["schema"]))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    examples = json.load(open(entry["examples"]))
    wrong = [it for it in examples["valid"] if not validator.is_valid(it)]
    wrong += [it for it in examples["invalid"] if validator.is_valid(it)]
    if wrong: sys.exit(entry["name"] + " is read otherwise: " + json.dumps(wrong))
print(len(index["schemas"]))
`;

const hasPython = spawnSync("python3", ["-c", "import jsonschema"]).status === 0;
if (!hasPython) {
  console.warn(
    "SKIPPED: Python's jsonschema does not read our schemas here. Install python3 and its package jsonschema.",
  );
}

test.skipIf(!hasPython)("Python's jsonschema reads them as we do", () => {
  const { status, stdout, stderr } = spawnSync("python3", ["-c", script], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(Number(stdout)).toBe(schemaCatalog.length + foreignEntries.length);
});
