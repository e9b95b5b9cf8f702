import { z } from "zod";
import { option } from "../option/option-meta.ts";

const general = {
  help: option("Print this text and exit.", z.boolean().default(false), {
    short: "h",
    group: "General",
  }),
  version: option("Print the version and exit.", z.boolean().default(false), { group: "General" }),
  explainConfig: option(
    "Print every value with where it came from, and exit.",
    z.boolean().default(false),
    { group: "General" },
  ),
};

const file = {
  config: option(
    "YAML file of the same options; flags and variables win over it.",
    z.string().optional(),
    { group: "General", placeholder: "FILE" },
  ),
};

const section = {
  disaggConfig: option(
    "YAML file with one section of options per role; replaces --config.",
    z.string().optional(),
    { env: "DYN_SGL_DISAGG_CONFIG", group: "General", placeholder: "FILE" },
  ),
  disaggConfigKey: option(
    "Section of --disagg-config to use: prefill, decode, ...",
    z.string().optional(),
    { env: "DYN_SGL_DISAGG_CONFIG_KEY", group: "General", placeholder: "KEY" },
  ),
};

/** The options that every command has. */
export function builtinOptions(configFile: "none" | "file" | "file-and-section"): z.ZodObject {
  if (configFile === "none") return z.object(general);
  return z.object(
    configFile === "file" ? { ...general, ...file } : { ...general, ...file, ...section },
  );
}
