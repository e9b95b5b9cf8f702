import {
  type Command,
  frontendCommand,
  parseFrontendArgs,
  parseWorkerArgs,
  workerCommand,
} from "@dyn/args";
import { describe, expect, test } from "vitest";
import { fieldToSpec } from "../src/option/option-spec.ts";
import { caught } from "./caught.ts";
import reference from "./fixtures/reference-flags.json" with { type: "json" };
import names from "./fixtures/sglang-flag-names.json" with { type: "json" };

interface ReferenceFlag {
  readonly flag: string;
  readonly env: string | null;
  readonly default: unknown;
  readonly aliases?: readonly string[];
  readonly values?: readonly string[];
}

/** Where a reference's default is not ours, with the reason in the option's description. */
const otherDefaults = new Set(["worker --router-mode"]);

const specsOf = (command: unknown) => {
  const { concerns } = command as Command;
  return Object.entries(concerns).flatMap(([concern, schema]) =>
    Object.entries(schema.shape).map(([field, type]) => fieldToSpec(concern, field, type)),
  );
};

function checkTable(program: string, command: unknown, table: readonly ReferenceFlag[]): void {
  const specs = specsOf(command);
  const builtin = new Set(["disagg-config", "disagg-config-key"]);
  test.each(table.filter(({ flag }) => !builtin.has(flag)).map((row) => [row.flag, row] as const))(
    "--%s",
    (flag, row) => {
      const spec = specs.find((each) => each.flag === flag);
      expect(spec).toBeDefined();
      if (spec === undefined) return;
      expect(spec.meta.env ?? null).toBe(row.env);
      expect(spec.meta.envOnly).toBeUndefined();
      if (!otherDefaults.has(`${program} --${flag}`))
        expect(spec.defaultValue ?? null).toEqual(row.default);
      if (row.values !== undefined)
        expect([...spec.choices].sort()).toEqual([...row.values].sort());
      const spellings = [...(spec.meta.aliases ?? []), ...(spec.meta.oldNames ?? [])];
      for (const alias of row.aliases ?? []) expect(spellings).toContain(alias);
    },
  );
}

describe("the worker has the reference's flags, variables, defaults and values", () => {
  checkTable("worker", workerCommand, reference.worker);
  checkTable("worker", workerCommand, reference.router);
  checkTable("worker", workerCommand, reference.engine);
});

describe("the frontend has the reference's flags, variables, defaults and values", () => {
  checkTable("frontend", frontendCommand, reference.frontend);
  checkTable("frontend", frontendCommand, reference.router);
});

describe("every variable of the reference is read", () => {
  const read = (parse: (env: Record<string, string>) => unknown, row: ReferenceFlag): void => {
    // a value that no option takes in silence: it is used, or it is an error that names the variable
    const value = row.values?.[0] ?? "7";
    const env = { [row.env ?? ""]: value };
    try {
      const args = parse(env) as {
        sources: Record<string, Record<string, { kind: string; detail: string }>>;
      };
      const details = Object.values(args.sources).flatMap((fields) => Object.values(fields));
      const used = details.some(
        ({ kind, detail }) => (kind === "env" && detail === row.env) || kind === "derived",
      );
      expect(used).toBe(true);
    } catch (error) {
      expect(String(error)).toMatch(new RegExp(`${row.env}|--${row.flag}`));
    }
  };
  test.each(reference.worker.map((row) => [row.env, row] as const))("worker %s", (_, row) => {
    read((env) => parseWorkerArgs({ argv: ["--model-path", "m"], env }), row);
  });
  test.each([...reference.frontend, ...reference.router].map((row) => [row.env, row] as const))(
    "frontend %s",
    (_, row) => {
      read((env) => parseFrontendArgs({ argv: [], env }), row);
    },
  );
});

describe("every native flag of SGLang is known", () => {
  const native = new Map(
    (workerCommand.nativeFlags ?? []).flatMap((flag) =>
      [flag.flag, ...(flag.aliases ?? [])].map((name) => [name, flag]),
    ),
  );
  const own = new Set(
    specsOf(workerCommand).flatMap(({ flag, meta }) => [
      flag,
      ...(meta.aliases ?? []),
      ...(meta.oldNames ?? []),
    ]),
  );
  test.each(names)("--%s", (name) => {
    expect(own.has(name) || native.has(name)).toBe(true);
  });

  test("its verdict comes with a reason: a sentence with an end", () => {
    for (const { flag, reason } of native.values())
      expect(reason, flag).toMatch(/^[a-zA-Z-].{12,}\.$/s);
  });

  test.each([...new Set(native.values())].map((flag) => [flag.flag, flag] as const))(
    "--%s gets its verdict",
    (name, flag) => {
      const values = flag.arity === "none" ? [] : flag.arity === "many" ? ["x", "y"] : ["x"];
      const run = () =>
        parseWorkerArgs({ argv: [`--${name}`, ...values, "--model-path", "m"], env: {} });
      if (flag.verdict === "refuse") {
        const error = caught(run);
        expect(error.code).toBe("DYN_ARGS_UNSUPPORTED_FLAG");
        expect(error.message).toContain(`--${name}`);
        expect(error.message).toContain(flag.reason);
        for (const value of flag.accepts ?? []) {
          const args = parseWorkerArgs({
            argv: [`--${name}`, value, "--model-path", "m"],
            env: {},
          });
          expect(args).toMatchObject({ action: "run", notices: [] });
        }
      } else {
        const args = run();
        if (args.action !== "run") throw new Error("The command printed instead of running.");
        expect(args.notices).toEqual([
          `--${name} is accepted and has no effect here: ${flag.reason}`,
        ]);
      }
    },
  );
});
