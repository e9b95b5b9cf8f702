// Finds the chat template of a model directory, in the places and the order of transformers.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ChatTemplate } from "../contract/chat-template.ts";
import { type ChatTemplateSource, createChatTemplate } from "./create-chat-template.ts";
import { isRecord } from "./prepare-messages.ts";
import { TemplateSourceError } from "./template-error.ts";

/**
 * `chat_template.jinja`, else `chat_template.json`, else `chat_template` of tokenizer_config.json (text or
 * a list of named templates). `null`: the model has none. `override` is Jinja source that replaces them all.
 */
export async function loadChatTemplate(
  directory: string,
  override?: string,
): Promise<ChatTemplate | null> {
  const configFile = join(directory, "tokenizer_config.json");
  const config = await readJson(configFile);
  const tokens = {
    ...(await readJson(join(directory, "special_tokens_map.json"))),
    ...config,
  };
  const found =
    override === undefined
      ? await findSource(directory, configFile, config)
      : { source: override, name: "chat template override" };
  if (found === null) return null;
  return createChatTemplate(found.source, {
    bosToken: readToken(tokens.bos_token),
    eosToken: readToken(tokens.eos_token),
    unkToken: readToken(tokens.unk_token),
    name: found.name,
  });
}

async function findSource(
  directory: string,
  configFile: string,
  config: Readonly<Record<string, unknown>> | null,
): Promise<{ source: ChatTemplateSource; name: string } | null> {
  const jinjaFile = join(directory, "chat_template.jinja");
  const jinja = await readText(jinjaFile);
  if (jinja !== null) {
    const toolUse = await readText(join(directory, "additional_chat_templates", "tool_use.jinja"));
    return { source: { default: jinja, tool_use: toolUse ?? undefined }, name: jinjaFile };
  }
  const jsonFile = join(directory, "chat_template.json");
  const json = await readJson(jsonFile);
  if (json !== null) {
    return { source: readSource(json.chat_template, jsonFile), name: jsonFile };
  }
  const own = config?.chat_template ?? null;
  return own === null ? null : { source: readSource(own, configFile), name: configFile };
}

function readSource(value: unknown, file: string): ChatTemplateSource {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) {
    const named = new Map<string, string>();
    for (const entry of value) {
      if (isRecord(entry) && typeof entry.name === "string" && typeof entry.template === "string") {
        named.set(entry.name, entry.template);
      }
    }
    if (named.has("default") || named.has("tool_use")) {
      return { default: named.get("default"), tool_use: named.get("tool_use") };
    }
  }
  throw new TemplateSourceError(
    file,
    'field "chat_template" must be Jinja source, or a list of { name, template } with the name "default" or "tool_use".',
  );
}

/** A token is text, or an object that transformers wrote with `content` in it. */
function readToken(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return isRecord(value) && typeof value.content === "string" ? value.content : undefined;
}

async function readJson(file: string): Promise<Readonly<Record<string, unknown>> | null> {
  const text = await readText(file);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TemplateSourceError(file, `is not valid JSON (${reason}).`, error);
  }
  throw new TemplateSourceError(file, "holds JSON that is not an object.");
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new TemplateSourceError(file, "cannot be read.", error);
  }
}
