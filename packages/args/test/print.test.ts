import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  commandToJsonSchema,
  createConfigDump,
  frontendCommand,
  parseFrontendArgs,
  parseWorkerArgs,
  workerCommand,
  writeConfigDump,
} from "@dyn/args";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { z } from "zod";
import { referencePages } from "../scripts/reference-pages.ts";
import { parseToy, runToy, toyCommand } from "./toy-command.ts";

const folder = mkdtempSync(join(tmpdir(), "dyn-args-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("--help", () => {
  const help = parseToy(["--help", "--unused-words=1"].slice(0, 1));
  const text = help.action === "print" ? help.text : "";

  test.each([
    "Does nothing.",
    "Usage: toy [flags]",
    "-n, --name, --alias-name TEXT",
    "--color red|green|blue",
    "--words TEXT...",
    "--[no-]off",
    "--tag [JSON]",
    "[default 3; TOY_COUNT]",
    "TOY_QUIET",
    "--config FILE",
    "--disagg-config-key KEY",
    "flag > environment variable > configuration file > default",
  ])("has %s", (part) => {
    expect(text).toContain(part);
  });

  test("stays within 110 columns and shows groups once", () => {
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(110);
    expect(text.match(/^General:$/gm)).toHaveLength(1);
  });

  test("works without what is required", () => {
    expect(parseWorkerArgs({ argv: ["-h"], env: {} }).action).toBe("print");
  });

  test("every worker and frontend option that is not hidden has a description", () => {
    for (const command of [workerCommand, frontendCommand]) {
      for (const schema of Object.values(command.concerns)) {
        for (const [field, type] of Object.entries(schema.shape)) {
          expect((type as z.ZodType).meta()?.description, field).toMatch(/^.{8,}\.$/s);
        }
      }
    }
  });
});

test("--version names the program", () => {
  expect(parseToy(["--version"])).toEqual({ action: "print", text: "toy 1.2.3\n" });
});

test("--explain-config says where each value came from and masks secrets", () => {
  const result = parseToy(
    ["--explain-config", "--count", "5", "--config", "a.yaml"],
    { TOY_NAME: "x", TOY_TOKEN: "hunter2" },
    { "a.yaml": "color: blue" },
  );
  const text = result.action === "print" ? result.text : "";
  expect(text).toMatch(/^--count +5 +flag --count$/m);
  expect(text).toMatch(/^--name +x +env TOY_NAME$/m);
  expect(text).toMatch(/^--color +blue +file a\.yaml: color$/m);
  expect(text).toMatch(/^--share +0\.5 +default$/m);
  expect(text).toMatch(/^--token +\*+ +env TOY_TOKEN$/m);
  expect(text).not.toContain("hunter2");
});

describe("the dump", () => {
  const args = runToy(["--count", "5", "--kernel", "x"], { TOY_TOKEN: "hunter2" });
  const dump = createConfigDump(args, {
    DYN_NAMESPACE: "x",
    HF_TOKEN: "hunter2",
    DYN_TOKENIZER: "default",
    ETCD_ENDPOINTS: "http://root:hunter2@etcd:2379",
    HOME: "/home/me",
  });

  test("has values, sources and notices, sorted, secrets masked", () => {
    expect(dump).toMatchObject({
      command: "toy",
      version: "1.2.3",
      config: { toy: { count: 5, token: "********", json: null } },
      sources: { toy: { count: "flag --count", token: "env TOY_TOKEN", json: "default" } },
      environment: {
        DYN_NAMESPACE: "x",
        DYN_TOKENIZER: "default",
        ETCD_ENDPOINTS: "http://********@etcd:2379",
        HF_TOKEN: "********",
      },
      notices: [expect.stringContaining("--kernel")],
    });
    expect(dump.environment).not.toHaveProperty("HOME");
    expect(Object.keys(dump)).toEqual(Object.keys(dump).toSorted());
    expect(Object.keys(dump.config.toy ?? {})).toEqual(
      Object.keys(dump.config.toy ?? {}).toSorted(),
    );
    expect(JSON.stringify(dump)).not.toContain("hunter2");
  });

  test("is written as JSON or YAML into folders that are made", () => {
    for (const name of ["deep/er/dump.json", "dump.yaml"]) {
      const path = join(folder, name);
      expect(writeConfigDump(path, dump)).toBeUndefined();
      const text = readFileSync(path, "utf8");
      expect(name.endsWith("json") ? JSON.parse(text) : parse(text)).toEqual(dump);
    }
  });

  test("a failure to write is returned, not thrown", () => {
    writeFileSync(join(folder, "file"), "");
    expect(writeConfigDump(join(folder, "file", "dump.json"), dump)?.message).toContain(
      "--dump-config-to",
    );
  });

  test("etcd's password is a secret", () => {
    const front = parseFrontendArgs({ argv: [], env: { ETCD_AUTH_PASSWORD: "hunter2" } });
    if (front.action !== "run") throw new Error("The command printed instead of running.");
    expect(
      JSON.stringify(createConfigDump(front, { ETCD_AUTH_PASSWORD: "hunter2" })),
    ).not.toContain("hunter2");
  });
});

describe("JSON Schema of the configuration file", () => {
  const schema = commandToJsonSchema(toyCommand);

  test("has a property per flag with type, bounds, default and variable", () => {
    expect(schema.properties.count).toEqual({
      type: "integer",
      minimum: 1,
      maximum: 100,
      default: 3,
      description: "An integer.",
      "x-env": "TOY_COUNT",
    });
    expect(schema.properties.color).toMatchObject({
      type: "string",
      enum: ["red", "green", "blue"],
      default: "red",
    });
    expect(schema.properties.size).toMatchObject({ type: ["integer", "string"] });
    expect(schema.properties).not.toHaveProperty("quiet");
    expect(schema.properties).not.toHaveProperty("help");
    expect(schema.additionalProperties).toBe(false);
  });

  test.each([
    ["worker", commandToJsonSchema(workerCommand)],
    ["frontend", commandToJsonSchema(frontendCommand)],
  ])("that of the %s is plain JSON without the metadata of this package", (_, each) => {
    const text = JSON.stringify(each);
    expect(JSON.parse(text)).toEqual(each);
    expect(text).not.toContain('"envOnly"');
    expect(text).not.toContain('"oldNames"');
    expect(Object.keys(each.properties).length).toBeGreaterThan(80);
  });
});

test.each(
  [...referencePages()].map(([url, text]) => [url.pathname.split("/").at(-1), url, text] as const),
)("docs/reference/%s is up to date (pnpm --filter @dyn/args reference)", (_, url, text) => {
  expect(readFileSync(url, "utf8")).toBe(text);
});
