import { defineCommand, option, parseArgs, type RunArgs, refuseUnsupported } from "@dyn/args";
import { expect, test } from "vitest";
import { z } from "zod";

const command = defineCommand({
  name: "tool",
  summary: "A tool.",
  version: "1.0.0",
  concerns: {
    main: z.object({
      used: option("Used.", z.string().optional(), { env: "TOOL_USED" }),
      mode: option("Not used yet either.", z.enum(["off", "on"]).default("off"), {}),
      unused: option("Not used yet.", z.string().optional(), { env: "TOOL_UNUSED" }),
    }),
  },
});
const parse = (argv: string[], env = {}) =>
  parseArgs(command, { argv, env }) as RunArgs<typeof command.concerns>;

test("an option that was set and has no effect is refused by the name it was given under", () => {
  expect(() => refuseUnsupported(parse(["--used", "a"]), { main: ["used"] })).not.toThrow();
  expect(() => refuseUnsupported(parse(["--unused", "a"]), { main: ["used"] })).toThrow(
    "--unused is known, but tool does not act on it",
  );
  expect(() => refuseUnsupported(parse([], { TOOL_UNUSED: "a" }), { main: ["used"] })).toThrow(
    "TOOL_UNUSED",
  );
  expect(() => refuseUnsupported(parse(["--unused", "a"]), { main: true })).not.toThrow();
});

test("a default that somebody spells out is what the program does anyway", () => {
  expect(() => refuseUnsupported(parse(["--mode", "off"]), { main: ["used"] })).not.toThrow();
  expect(() => refuseUnsupported(parse(["--mode", "on"]), { main: ["used"] })).toThrow("--mode");
});
