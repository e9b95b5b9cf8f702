import { describe, expect, test } from "vitest";
import { caught } from "./caught.ts";
import { runToy } from "./toy-command.ts";

const withFile = (yaml: string, argv: readonly string[] = []) =>
  runToy(["--config", "a.yaml", ...argv], {}, { "a.yaml": yaml });

describe("--config FILE", () => {
  test.each<[string, string, unknown]>([
    ["", "name", "nobody"],
    ["name: x", "name", "x"],
    ["alias-name: x", "name", "x"],
    ["alias_name: x", "name", "x"],
    ["--name: x", "name", "x"],
    ["name: 12", "name", "12"],
    ["name: true", "name", "true"],
    ["name: {a: 1}", "name", '{"a":1}'],
    ["count: 5", "count", 5],
    ['count: "5"', "count", 5],
    ["size: 4k", "size", 4000],
    ["on: true", "on", true],
    ["off: false", "off", false],
    ["words: [x, 1, true]", "words", ["x", "1", "true"]],
    ["words: x", "words", ["x"]],
    ["words: []", "words", []],
    ["types: [x, y]", "types", ["x", "y"]],
    ["types: 'x,y'", "types", ["x", "y"]],
    ["json: {a: 3}", "json", { a: 3 }],
    ["json: '{\"a\": 4}'", "json", { a: 4 }],
    ["tag: true", "tag", true],
    ["tag: {deep: x}", "tag", { deep: "x" }],
    ["limit: null", "limit", null],
    ["limit:", "limit", null],
  ])("%s", (yaml, field, value) => {
    expect(withFile(yaml).values.toy).toHaveProperty(field, value);
  });

  test.each<[string, string, string[]]>([
    ["nmae: x", "DYN_ARGS_UNKNOWN_FLAG", ["--nmae in a.yaml", "--name"]],
    ["colo: blue", "DYN_ARGS_UNKNOWN_FLAG", ["--colo in a.yaml", "--color"]],
    ["count: 0", "DYN_ARGS_INVALID_VALUE", ["a.yaml: count", "from 1 to 100"]],
    ["count: null", "DYN_ARGS_INVALID_VALUE", ["a.yaml, key count", "null"]],
    ["count: [1, 2]", "DYN_ARGS_INVALID_VALUE", ["one value"]],
    ["count: {a: 1}", "DYN_ARGS_INVALID_VALUE", ["mapping"]],
    ["json: &a {a: *a}", "DYN_ARGS_INVALID_VALUE", ["contains itself"]],
    ["kernel: &a [*a]", "DYN_ARGS_INVALID_VALUE", ["contains itself"]],
    ["shards: [{toString: 1}]", "DYN_ARGS_UNSUPPORTED_FLAG", ["there is one shard"]],
    ["words: [{a: 1}]", "DYN_ARGS_INVALID_VALUE", ["items"]],
    ["no-on: true", "DYN_ARGS_INVALID_VALUE", ["on: false"]],
    ["config: b.yaml", "DYN_ARGS_INVALID_VALUE", ["command line"]],
    ["shards: 2", "DYN_ARGS_UNSUPPORTED_FLAG", ["a.yaml: shards", "there is one shard"]],
    ["- a\n- b", "DYN_ARGS_CONFIG_FILE", ["a.yaml", "mapping"]],
    ["name: !secret x", "DYN_ARGS_CONFIG_FILE", ["a.yaml", "tag"]],
    ["a: [", "DYN_ARGS_CONFIG_FILE", ["a.yaml", "YAML"]],
    ["name: x\nname: y", "DYN_ARGS_CONFIG_FILE", ["a.yaml", "unique"]],
  ])("%j is refused", (yaml, code, parts) => {
    const error = caught(() => withFile(yaml));
    expect(error.code).toBe(code);
    for (const part of parts) expect(error.message).toContain(part);
  });

  test("a list on the command line replaces the file's", () => {
    expect(withFile("words: [x, y]", ["--words", "z"]).values.toy.words).toEqual(["z"]);
    expect(withFile("routes: [x, y]", ["--routes", "z"]).values.toy.routes).toEqual(["z"]);
  });

  test("native flags in it are judged as on the command line", () => {
    expect(withFile("kernel: fast\nshards: 1").notices).toEqual([
      "a.yaml: kernel is accepted and has no effect here: there are no kernels.",
    ]);
  });

  test("an old name in it gives a notice", () => {
    const args = withFile("old_on: true");
    expect(args.values.toy.on).toBe(true);
    expect(args.notices).toEqual(["a.yaml: old_on is an old name: use on."]);
  });

  test("--config=FILE in one argument is read too", () => {
    expect(runToy(["--config=b.yml"], {}, { "b.yml": "count: 9" }).values.toy.count).toBe(9);
  });

  test.each<[string[], string[]]>([
    [["--config", "a.json"], [".yaml or .yml"]],
    [
      ["--config", "missing.yaml"],
      ["missing.yaml", "cannot be read", "ENOENT"],
    ],
    [["--config", "a.yaml", "--config", "b.yaml"], ["more than once"]],
  ])("%j is an error", (argv, parts) => {
    const error = caught(() => runToy(argv, {}, { "a.yaml": "", "b.yaml": "" }));
    for (const part of parts) expect(error.message).toContain(part);
  });
});

describe("--disagg-config FILE --disagg-config-key SECTION", () => {
  const files = {
    "d.yaml": "prefill: {count: 21}\ndecode: {count: 22}\nflat: 3\n",
    "a.yaml": "count: 23\nname: x",
    "list.yaml": "[1]",
  };

  test("the section is the configuration", () => {
    const { values, sources } = runToy(
      ["--disagg-config", "d.yaml", "--disagg-config-key", "decode"],
      {},
      files,
    );
    expect(values.toy.count).toBe(22);
    expect(sources.toy.count).toEqual({ kind: "file", detail: "d.yaml[decode]: count" });
  });

  test("it stands in the place of --config, and says so", () => {
    const args = runToy(
      ["--config", "a.yaml", "--disagg-config", "d.yaml", "--disagg-config-key", "prefill"],
      {},
      files,
    );
    expect(args.values.toy).toMatchObject({ count: 21, name: "nobody" });
    expect(args.notices).toEqual([
      "--config a.yaml is not read: section prefill of --disagg-config d.yaml stands in its place.",
    ]);
  });

  test("variables give it as well", () => {
    const env = { DYN_SGL_DISAGG_CONFIG: "d.yaml", DYN_SGL_DISAGG_CONFIG_KEY: "prefill" };
    expect(runToy([], env, files).values.toy.count).toBe(21);
  });

  test.each<[string[], string, string[]]>([
    [
      ["--disagg-config", "d.yaml"],
      "DYN_ARGS_CONFLICT",
      ["--disagg-config d.yaml", "--disagg-config-key", "both or neither"],
    ],
    [
      ["--disagg-config-key", "prefill"],
      "DYN_ARGS_CONFLICT",
      ["--disagg-config-key prefill", "--disagg-config FILE"],
    ],
    [
      ["--disagg-config", "no.yaml", "--disagg-config-key", "x"],
      "DYN_ARGS_CONFIG_FILE",
      ["no.yaml", "cannot be read"],
    ],
    [
      ["--disagg-config", "list.yaml", "--disagg-config-key", "x"],
      "DYN_ARGS_CONFIG_FILE",
      ["mapping"],
    ],
    [
      ["--disagg-config", "d.yaml", "--disagg-config-key", "encode"],
      "DYN_ARGS_CONFIG_FILE",
      ["encode", "prefill, decode, flat"],
    ],
    [
      ["--disagg-config", "d.yaml", "--disagg-config-key", "flat"],
      "DYN_ARGS_CONFIG_FILE",
      ["flat", "mapping"],
    ],
  ])("%j is refused", (argv, code, parts) => {
    const error = caught(() => runToy(argv, {}, files));
    expect(error.code).toBe(code);
    for (const part of parts) expect(error.message).toContain(part);
  });
});
