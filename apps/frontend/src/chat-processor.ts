// Whose rules turn chats into tokens and back, from the frontend's options.
import { readFile } from "node:fs/promises";
import { ArgsError, type FrontendArgs } from "@dyn/args";
import type { GatewayOptions } from "@dyn/gateway";

/** Throws ArgsError for a processor that is not here and a template that cannot be read. */
export async function chatProcessor({
  values,
}: FrontendArgs): Promise<Pick<GatewayOptions, "parsers" | "chatTemplate">> {
  const { dynChatProcessor, toolCallParser, reasoningParser, chatTemplate } = values.frontend;
  if (dynChatProcessor === "vllm") {
    throw new ArgsError(
      "UNSUPPORTED_FLAG",
      "--dyn-chat-processor vllm needs vLLM itself, which is Python. Use dynamo (the parsers that the workers' cards name) or sglang (SGLang's names and templates).",
      { flag: "--dyn-chat-processor" },
    );
  }
  if (dynChatProcessor === "dynamo") return {};
  return {
    parsers: {
      processor: "sglang",
      toolCalls: toolCallParser ?? null,
      reasoning: reasoningParser ?? null,
    },
    ...(chatTemplate === undefined ? {} : { chatTemplate: await readTemplate(chatTemplate) }),
  };
}

async function readTemplate(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ArgsError(
      "CONFIG_FILE",
      `--chat-template ${path} cannot be read: ${String(error)}. It takes the path of a Jinja file.`,
      { flag: "--chat-template" },
    );
  }
}
