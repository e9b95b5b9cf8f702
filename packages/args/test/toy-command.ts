import { type Command, defineCommand, option, parseArgs } from "@dyn/args";
import { z } from "zod";

const toy = z.object({
  name: option("A text.", z.string().default("nobody"), {
    env: "TOY_NAME",
    aliases: ["alias-name"],
    short: "n",
  }),
  count: option("An integer.", z.number().int().min(1).max(100).default(3), { env: "TOY_COUNT" }),
  share: option("A number.", z.number().gt(0).lt(1).default(0.5), { env: "TOY_SHARE" }),
  size: option("A size.", z.number().int().min(-1).default(7), {
    env: "TOY_SIZE",
    humanInteger: true,
  }),
  on: option("A switch that is off.", z.boolean().default(false), {
    env: "TOY_ON",
    oldNames: ["old-on"],
  }),
  off: option("A switch that is on.", z.boolean().default(true), { env: "TOY_OFF" }),
  color: option("A choice.", z.enum(["red", "green", "blue"]).default("red"), {
    env: "TOY_COLOR",
    oldEnv: ["TOY_COLOUR"],
  }),
  words: option("A list.", z.array(z.string()).default(["a"]), { env: "TOY_WORDS" }),
  numbers: option("A list of numbers.", z.array(z.number().int()).default([]), {
    env: "TOY_NUMBERS",
    emptyList: true,
  }),
  routes: option("A repeated flag.", z.array(z.string()).default([]), {
    env: "TOY_ROUTES",
    list: "repeat",
  }),
  types: option("A comma list.", z.array(z.enum(["x", "y"])).default(["x"]), {
    env: "TOY_TYPES",
    list: "comma",
  }),
  json: option("JSON.", z.strictObject({ a: z.number() }).optional(), { env: "TOY_JSON" }),
  tag: option(
    "A bare flag or JSON.",
    z.union([z.boolean(), z.object({ deep: z.string() })]).default(false),
    {
      env: "TOY_TAG",
      bareValue: "true",
    },
  ),
  limit: option("A limit or None.", z.number().nullable().default(null), { env: "TOY_LIMIT" }),
  token: option("A secret.", z.string().optional(), { env: "TOY_TOKEN", secret: true }),
  hint: option("Nothing.", z.string().optional(), {
    env: "TOY_HINT",
    noEffect: "there is nothing to hint at.",
  }),
  quiet: option("Environment only.", z.boolean().default(false), {
    env: "TOY_QUIET",
    envOnly: true,
  }),
  perHost: option("An integer.", z.number().int().optional(), { env: "TOY_PER_HOST" }),
  perPort: option("An integer.", z.number().int().optional(), { env: "TOY_PER_PORT" }),
});

const concerns = { toy };

/** A command with one option of every kind. */
export const toyCommand: Command<typeof concerns> = defineCommand({
  name: "toy",
  summary: "Does nothing.",
  version: "1.2.3",
  concerns,
  nativeFlags: [
    {
      flag: "kernel",
      verdict: "notice",
      reason: "there are no kernels.",
      arity: "one",
      aliases: ["kernel-backend"],
    },
    {
      flag: "shards",
      verdict: "refuse",
      reason: "there is one shard.",
      arity: "one",
      accepts: ["1"],
    },
    { flag: "sizes", verdict: "notice", reason: "there are no sizes.", arity: "many" },
  ],
  configFile: "file-and-section",
});

/** Values of the toy command, or the test fails. */
export function runToy(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  const args = parseToy(argv, env, files);
  if (args.action !== "run") throw new Error("The command printed instead of running.");
  return args;
}

export function parseToy(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) {
  return parseArgs(toyCommand, { argv, env, readFile: (path) => readFrom(files, path) });
}

function readFrom(files: Readonly<Record<string, string>>, path: string): string {
  const text = files[path];
  if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
  return text;
}
