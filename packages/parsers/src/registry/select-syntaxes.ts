import type { ChannelRoles } from "../channels/channel-roles.ts";
import { createHarmony } from "../channels/harmony.ts";
import { createInkling } from "../channels/inkling.ts";
import { createKimiK3 } from "../channels/kimi-k3.ts";
import { createMuse } from "../channels/muse.ts";
import type { CallIdStyle } from "../output/call-ids.ts";
import type { OutputParserOptions } from "../output/create-output-parser.ts";
import type { Syntax } from "../output/syntax.ts";
import { createNamedCall, createRequiredCalls } from "../tool-calls/forced-calls.ts";
import type { ChannelFormat } from "./parser-entry.ts";
import { resolveParserName } from "./resolve-parser-name.ts";

/** The formats that these options ask for, reasoning first, and how calls are numbered. */
export function selectSyntaxes({ reasoning, toolCalls, processor }: OutputParserOptions): {
  syntaxes: readonly Syntax[];
  callIds: CallIdStyle;
} {
  const reasoningEntry = reasoning && resolveParserName("reasoning", reasoning.name, processor);
  const toolEntry =
    toolCalls && toolCalls.name !== null
      ? resolveParserName("tool-call", toolCalls.name, processor)
      : undefined;
  const choice = toolCalls?.toolChoice ?? "auto";
  const syntaxes: Syntax[] = [];
  const startInside = reasoning?.startInside;
  const hasCalls = toolEntry !== undefined && choice !== "none";

  if (typeof reasoningEntry?.syntax === "function") {
    syntaxes.push(reasoningEntry.syntax(startInside, processor ?? "dynamo"));
  } else if (reasoningEntry) {
    const roles = {
      hasReasoning: true,
      hasCalls: hasCalls && toolEntry.syntax === reasoningEntry.syntax,
    };
    syntaxes.push(createChannels(reasoningEntry.syntax, roles, startInside ?? false));
  }
  if (toolCalls && choice === "required") syntaxes.push(createRequiredCalls());
  if (toolCalls && typeof choice === "object") syntaxes.push(createNamedCall(choice.name));
  if (typeof toolEntry?.syntax === "function") {
    if (hasCalls) syntaxes.push(toolEntry.syntax());
  } else if (toolEntry && toolEntry.syntax !== reasoningEntry?.syntax) {
    syntaxes.push(createChannels(toolEntry.syntax, { hasReasoning: false, hasCalls }, false));
  }
  return { syntaxes, callIds: toolEntry?.callIds ?? "call-uuid" };
}

function createChannels(format: ChannelFormat, roles: ChannelRoles, startInside: boolean): Syntax {
  switch (format) {
    case "harmony":
      return createHarmony(roles);
    case "kimi_k3":
      return createKimiK3(roles, startInside);
    case "inkling":
      return createInkling(roles, startInside);
    case "muse":
      return createMuse(roles, startInside);
  }
}
