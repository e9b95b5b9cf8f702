import { describe, expect, test } from "vitest";
import { caught } from "./caught.ts";
import { runToy } from "./toy-command.ts";

describe("a flag is read by the conventions of argparse", () => {
  test.each<[string[], string, unknown]>([
    [["--name", "x"], "name", "x"],
    [["--name=x"], "name", "x"],
    [["--name=a=b"], "name", "a=b"],
    [["--name="], "name", ""],
    [["-n", "x"], "name", "x"],
    [["--alias-name", "x"], "name", "x"],
    [["--alias_name", "x"], "name", "x"],
    [["--alias_name=x"], "name", "x"],
    [["--name", "x", "--name", "y"], "name", "y"],
    [["--name", "-"], "name", "-"],
    [["--count", "12"], "count", 12],
    [["--count", "+12"], "count", 12],
    [["--share", ".25"], "share", 0.25],
    [["--share", "5e-1"], "share", 0.5],
    [["--size", "-1"], "size", -1],
    [["--size", "4k"], "size", 4000],
    [["--size", "4Ki"], "size", 4096],
    [["--size", "1.5M"], "size", 1_500_000],
    [["--size", "2Mi"], "size", 2_097_152],
    [["--on"], "on", true],
    [["--on", "--no-on"], "on", false],
    [["--no-on", "--on"], "on", true],
    [["--on=false"], "on", false],
    [["--on=TRUE"], "on", true],
    [["--no-off"], "off", false],
    [["--no_off"], "off", false],
    [["--color", "blue"], "color", "blue"],
    [["--words", "x", "y"], "words", ["x", "y"]],
    [["--words", "x", "--words", "y", "z"], "words", ["y", "z"]],
    [["--words=x"], "words", ["x"]],
    [["--numbers", "1", "-2", "3"], "numbers", [1, -2, 3]],
    [["--numbers"], "numbers", []],
    [["--routes", "x", "--routes", "y"], "routes", ["x", "y"]],
    [["--types", "x,y"], "types", ["x", "y"]],
    [["--types", " y , x "], "types", ["y", "x"]],
    [["--json", '{"a": 1}'], "json", { a: 1 }],
    [['--json={"a":2}'], "json", { a: 2 }],
    [["--tag"], "tag", true],
    [["--tag", "false"], "tag", false],
    [["--tag", '{"deep":"x"}'], "tag", { deep: "x" }],
    [["--tag", "--on"], "tag", true],
    [["--limit", "None"], "limit", null],
    [["--limit", "null"], "limit", null],
    [["--limit", "0.5"], "limit", 0.5],
    [["--per-h", "1"], "perHost", 1],
    [["--col", "green"], "color", "green"],
  ])("%j", (argv, field, value) => {
    expect(runToy(argv).values.toy).toHaveProperty(field, value);
  });
});

describe("a flag that cannot be used says what, why and what to do", () => {
  test.each<[string[], string, string[]]>([
    [["--nmae", "x"], "DYN_ARGS_UNKNOWN_FLAG", ["--nmae", "--name", "toy --help"]],
    [["--colors", "x"], "DYN_ARGS_UNKNOWN_FLAG", ["--color?"]],
    [["--completely-else"], "DYN_ARGS_UNKNOWN_FLAG", ["--completely-else", "toy --help"]],
    [["--quiet"], "DYN_ARGS_UNKNOWN_FLAG", ["--quiet"]],
    [["-x"], "DYN_ARGS_UNKNOWN_FLAG", ["-x", "two dashes"]],
    [["--per", "1"], "DYN_ARGS_AMBIGUOUS_FLAG", ["--per-host", "--per-port"]],
    [["--name"], "DYN_ARGS_MISSING_VALUE", ["--name needs a value"]],
    [["--name", "--on"], "DYN_ARGS_MISSING_VALUE", ["--name=--on"]],
    [["--words", "--on"], "DYN_ARGS_MISSING_VALUE", ["--words"]],
    [["--count", ""], "DYN_ARGS_INVALID_VALUE", ["--count", '""', "an integer from 1 to 100"]],
    [["--count", "1.5"], "DYN_ARGS_INVALID_VALUE", ['"1.5"', "an integer from 1 to 100"]],
    [["--count", "0"], "DYN_ARGS_INVALID_VALUE", ['"0"', "an integer from 1 to 100"]],
    [["--count", "0x10"], "DYN_ARGS_INVALID_VALUE", ["0x10"]],
    [["--count", "1e1"], "DYN_ARGS_INVALID_VALUE", ["1e1"]],
    [["--share", "1"], "DYN_ARGS_INVALID_VALUE", ["a number above 0"]],
    [["--share", "NaN"], "DYN_ARGS_INVALID_VALUE", ["NaN"]],
    [["--share", "inf"], "DYN_ARGS_INVALID_VALUE", ["inf"]],
    [["--size", "4K"], "DYN_ARGS_INVALID_VALUE", ["4K", "4Ki"]],
    [["--size", "1.0001k"], "DYN_ARGS_INVALID_VALUE", ["1.0001k"]],
    [["--color", "gren"], "DYN_ARGS_INVALID_VALUE", ["red, green, blue", "Did you mean green?"]],
    [["--types", "x,z"], "DYN_ARGS_INVALID_VALUE", ["any of x, y", "separated by commas"]],
    [["--on=maybe"], "DYN_ARGS_INVALID_VALUE", ["--on=maybe", "switch"]],
    [["--json", "{a:1}"], "DYN_ARGS_INVALID_VALUE", ["not JSON", "Quote"]],
    [["--json", '{"b":1}'], "DYN_ARGS_INVALID_VALUE", ["at a"]],
    [["--json", "3"], "DYN_ARGS_INVALID_VALUE", ["--json"]],
    [["stray"], "DYN_ARGS_UNEXPECTED_ARGUMENT", ["stray", "flags only"]],
    [["--on", "true"], "DYN_ARGS_UNEXPECTED_ARGUMENT", ['"true"']],
    [["--", "x"], "DYN_ARGS_UNEXPECTED_ARGUMENT", ["x"]],
    [["--shards", "2"], "DYN_ARGS_UNSUPPORTED_FLAG", ["--shards 2", "there is one shard"]],
  ])("%j", (argv, code, parts) => {
    const error = caught(() => runToy(argv));
    expect(error.code).toBe(code);
    expect(error.status).toBe(400);
    for (const part of parts) expect(error.message).toContain(part);
  });

  test("a secret is not shown", () => {
    const error = caught(() => runToy(["--token"]));
    expect(error.message).toContain("--token");
  });
});

describe("nothing is ignored in silence", () => {
  test.each<[string[], string]>([
    [["--kernel", "fast"], "--kernel is accepted and has no effect here: there are no kernels."],
    [["--kernel-backend", "fast"], "--kernel-backend is accepted"],
    [["--sizes", "1", "2", "3", "--on"], "--sizes is accepted"],
    [["--hint", "x"], "--hint is accepted and has no effect here: there is nothing to hint at."],
    [["--old-on"], "--old-on is an old name: use --on."],
    [["--no-old-on"], "--no-old-on is an old name: use --no-on."],
    [["--col", "green"], "--col is read as --color."],
  ])("%j gives a notice", (argv, sentence) => {
    const { notices } = runToy(argv);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain(sentence);
  });

  test("the same notice comes once", () => {
    expect(runToy(["--kernel", "a", "--kernel", "b"]).notices).toHaveLength(1);
  });

  test("a refused flag passes without a notice when its value asks for what happens anyway", () => {
    expect(runToy(["--shards", "1"]).notices).toEqual([]);
  });

  test("exact flags and their aliases give no notice", () => {
    expect(runToy(["--name", "x", "--alias_name", "x", "-n", "x", "--no-off"]).notices).toEqual([]);
  });
});
