import { parseArgs } from "@dyn/args";
import { describe, expect, test } from "vitest";
import { toyCommand } from "./toy-command.ts";

type Layer = "flag" | "env" | "file" | "preset" | "default";

/** What each layer says of an integer and of a switch. */
const layers: Record<Layer, { count: number; on: boolean; words: string[] }> = {
  flag: { count: 11, on: true, words: ["flag"] },
  env: { count: 12, on: false, words: ["env"] },
  file: { count: 13, on: true, words: ["file"] },
  preset: { count: 14, on: false, words: ["preset"] },
  default: { count: 3, on: false, words: ["a"] },
};
const order: Layer[] = ["flag", "env", "file", "preset", "default"];

function run(present: ReadonlySet<Layer>) {
  const { flag, env, file, preset } = layers;
  const args = parseArgs(toyCommand, {
    argv: [
      ...(present.has("flag")
        ? ["--count", `${flag.count}`, flag.on ? "--on" : "--no-on", "--words", ...flag.words]
        : []),
      ...(present.has("file") ? ["--config", "a.yaml"] : []),
    ],
    env: present.has("env")
      ? { TOY_COUNT: `${env.count}`, TOY_ON: `${env.on}`, TOY_WORDS: env.words.join(" ") }
      : {},
    readFile: () => `count: ${file.count}\non: ${file.on}\nwords: [${file.words}]\n`,
    ...(present.has("preset") ? { preset: { name: "pattern agg", values: { ...preset } } } : {}),
  });
  if (args.action !== "run") throw new Error("The command printed instead of running.");
  return args;
}

describe("flag > env > file > preset > default", () => {
  const sets = Array.from({ length: 16 }, (_, bits) =>
    order.slice(0, 4).filter((_, at) => bits & (1 << at)),
  );
  test.each(sets.map((set) => [set.join(" + ") || "nothing", set] as const))("%s", (_, set) => {
    const { values, sources } = run(new Set(set));
    const winner = order.find((layer) => layer === "default" || set.includes(layer)) ?? "default";
    expect({ count: values.toy.count, on: values.toy.on, words: values.toy.words }).toEqual(
      layers[winner],
    );
    for (const field of ["count", "on", "words"] as const)
      expect(sources.toy[field].kind).toBe(winner);
  });

  test("a source says which flag, variable, key or preset", () => {
    const { sources } = run(new Set(["flag"]));
    expect(sources.toy.count).toEqual({ kind: "flag", detail: "--count" });
    expect(run(new Set(["env"])).sources.toy.on).toEqual({ kind: "env", detail: "TOY_ON" });
    expect(run(new Set(["file"])).sources.toy.words).toEqual({
      kind: "file",
      detail: "a.yaml: words",
    });
    expect(run(new Set(["preset"])).sources.toy.words).toEqual({
      kind: "preset",
      detail: "pattern agg: words",
    });
    expect(run(new Set()).sources.toy.words).toEqual({ kind: "default", detail: "" });
  });
});
