import { describe, expect, test } from "vitest";
import { caught } from "./caught.ts";
import { runToy } from "./toy-command.ts";

describe("a variable is read by type", () => {
  test.each<[Record<string, string>, string, unknown]>([
    [{ TOY_NAME: "x y" }, "name", "x y"],
    [{ TOY_NAME: "" }, "name", "nobody"],
    [{ TOY_COUNT: " 12 " }, "count", 12],
    [{ TOY_COUNT: "" }, "count", 3],
    [{ TOY_SIZE: "1Ki" }, "size", 1024],
    ...["true", "1", "yes", "on", "TRUE", "On", "yEs"].map(
      (word): [Record<string, string>, string, unknown] => [{ TOY_ON: word }, "on", true],
    ),
    ...["false", "0", "no", "off", "", "maybe", "2"].map(
      (word): [Record<string, string>, string, unknown] => [{ TOY_OFF: word }, "off", false],
    ),
    [{ TOY_WORDS: " x  y\tz " }, "words", ["x", "y", "z"]],
    [{ TOY_NUMBERS: "1 2" }, "numbers", [1, 2]],
    [{ TOY_ROUTES: "x y" }, "routes", ["x", "y"]],
    [{ TOY_TYPES: "x,y" }, "types", ["x", "y"]],
    [{ TOY_JSON: '{"a":1}' }, "json", { a: 1 }],
    [{ TOY_LIMIT: "None" }, "limit", null],
    [{ TOY_TAG: "true" }, "tag", true],
    [{ TOY_COLOUR: "blue" }, "color", "blue"],
    [{ TOY_COLOUR: "blue", TOY_COLOR: "green" }, "color", "green"],
    [{ TOY_QUIET: "1" }, "quiet", true],
  ])("%j", (env, field, value) => {
    expect(runToy([], env).values.toy).toHaveProperty(field, value);
  });

  test.each<[Record<string, string>, string[]]>([
    [{ TOY_COUNT: "many" }, ["--count", "many", "from TOY_COUNT", "an integer from 1 to 100"]],
    [{ TOY_COLOR: "pink" }, ["pink", "TOY_COLOR", "red, green, blue"]],
    [{ TOY_JSON: "{" }, ["TOY_JSON", "JSON"]],
  ])("%j is an error that names the variable", (env, parts) => {
    const error = caught(() => runToy([], env));
    expect(error.code).toBe("DYN_ARGS_INVALID_VALUE");
    for (const part of parts) expect(error.message).toContain(part);
  });

  test("the value of a secret stays out of the message", () => {
    const long = "s3cret";
    expect(runToy([], { TOY_TOKEN: long }).values.toy.token).toBe(long);
  });

  test("an unusual word for false and an old name give notices", () => {
    expect(runToy([], { TOY_ON: "maybe" }).notices).toEqual([
      'TOY_ON="maybe" counts as false; true, 1, yes and on are true.',
    ]);
    expect(runToy([], { TOY_COLOUR: "red" }).notices).toEqual([
      "TOY_COLOUR is an old name: use TOY_COLOR.",
    ]);
    expect(runToy([], { TOY_ON: "off", TOY_OFF: "yes" }).notices).toEqual([]);
  });

  test("a wrong variable does not matter when a flag wins", () => {
    expect(runToy(["--count", "5"], { TOY_COUNT: "many" }).values.toy.count).toBe(5);
  });
});
