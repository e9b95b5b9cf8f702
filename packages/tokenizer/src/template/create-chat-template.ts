// A model's chat template as a function from messages to prompt text.
// The contract is byte equality with transformers' apply_chat_template. Compiled once, rendered often.
import { DynError, InvalidArgumentError } from "@dyn/protocol";
import type { ChatTemplate, ChatTemplateInput } from "../contract/chat-template.ts";
import { cutAtTag, tagFinalMessage } from "./continue-final-message.ts";
import { compileJinja, type JinjaProgram } from "./jinja/compile-template.ts";
import { TemplateRaised } from "./jinja/globals.ts";
import { prepareMessages } from "./prepare-messages.ts";
import { TemplateSourceError, templateRenderError } from "./template-error.ts";
import { readTemplateTraits, type TemplateTraits } from "./template-traits.ts";

/** Jinja source: one template, or named ones of which `tool_use` is taken when a request has tools. */
export type ChatTemplateSource =
  | string
  | { readonly default?: string | undefined; readonly tool_use?: string | undefined };

export interface ChatTemplateOptions {
  readonly bosToken?: string | undefined;
  readonly eosToken?: string | undefined;
  readonly unkToken?: string | undefined;
  /** Named in errors. Default "chat template". */
  readonly name?: string | undefined;
  /** Read by `strftime_now`, in local time. */
  readonly now?: () => Date;
}

/** Throws TemplateSourceError for a source that cannot be read; rendering throws InvalidArgumentError for what a template refuses. */
export function createChatTemplate(
  source: ChatTemplateSource,
  options: ChatTemplateOptions = {},
): ChatTemplate {
  const name = options.name ?? "chat template";
  const named = typeof source === "string" ? { default: source } : source;
  const plain = named.default === undefined ? undefined : compile(named.default, name, options);
  const toolUse = named.tool_use === undefined ? plain : compile(named.tool_use, name, options);
  if (toolUse === undefined) {
    throw new TemplateSourceError(name, 'has neither a "default" nor a "tool_use" template.');
  }
  return new JinjaChatTemplate(plain ?? toolUse, toolUse, options);
}

interface CompiledTemplate {
  readonly program: JinjaProgram;
  readonly traits: TemplateTraits;
}

function compile(source: string, name: string, options: ChatTemplateOptions): CompiledTemplate {
  try {
    return {
      program: compileJinja(source, options.now ?? (() => new Date())),
      traits: readTemplateTraits(source),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TemplateSourceError(name, `is not a template that can be read: ${reason}`, error);
  }
}

class JinjaChatTemplate implements ChatTemplate {
  readonly #plain: CompiledTemplate;
  readonly #toolUse: CompiledTemplate;
  readonly #tokens: Readonly<Record<string, string>>;

  constructor(plain: CompiledTemplate, toolUse: CompiledTemplate, options: ChatTemplateOptions) {
    this.#plain = plain;
    this.#toolUse = toolUse;
    this.#tokens = {
      ...(options.bosToken === undefined ? {} : { bos_token: options.bosToken }),
      ...(options.eosToken === undefined ? {} : { eos_token: options.eosToken }),
      ...(options.unkToken === undefined ? {} : { unk_token: options.unkToken }),
    };
  }

  render(input: ChatTemplateInput): string {
    const continues = input.continueFinalMessage === true;
    if (continues && input.addGenerationPrompt === true) {
      throw new InvalidArgumentError(
        "add_generation_prompt and continue_final_message exclude one another: the first opens a new turn, the second leaves the last one open.",
        { param: "continue_final_message" },
      );
    }
    const hasTools = input.tools !== undefined && input.tools.length > 0;
    const { program, traits } = hasTools ? this.#toolUse : this.#plain;
    const prepared = prepareMessages(input.messages, traits);
    const text = run(program, {
      ...this.#tokens,
      messages: continues ? tagFinalMessage(prepared) : prepared,
      tools: hasTools ? input.tools : null,
      documents: input.documents ?? null,
      add_generation_prompt: continues ? false : (input.addGenerationPrompt ?? true),
      ...input.variables,
    });
    return continues ? cutAtTag(text) : text;
  }
}

function run(program: JinjaProgram, variables: Readonly<Record<string, unknown>>): string {
  try {
    return program(variables);
  } catch (error) {
    if (DynError.is(error)) throw error;
    if (error instanceof TemplateRaised)
      throw templateRenderError(error.message, "messages", error);
    const reason = error instanceof Error ? error.message : String(error);
    throw templateRenderError(
      `The model's chat template cannot render these messages: ${reason}`,
      "messages",
      error,
    );
  }
}
