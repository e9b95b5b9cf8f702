/** What a template's source says about the shapes that it reads. */
export interface TemplateTraits {
  /** It loops over the parts of a message's content; arrays are then passed on. Otherwise text parts are joined. */
  readonly iteratesContent: boolean;
  /** It asks whether a tool call's arguments are a string; strings are then left alone. Otherwise they are parsed. */
  readonly testsArgumentsForString: boolean;
}

/** `for item in message.content`, `for c in message['content']`, `for part in content`. */
const contentLoop = /\bfor\s+\w+\s+in\s+[\w.[\]'"]*\bcontent\b/;
/** `tool_call.arguments is string`, `tool_call['arguments'] is not string`, `args is string`. */
const argumentsTest = /\b(?:arguments|args)\b['"\])]*\s+is\s+(?:not\s+)?string\b/;

export function readTemplateTraits(source: string): TemplateTraits {
  return {
    iteratesContent: contentLoop.test(source),
    testsArgumentsForString: argumentsTest.test(source),
  };
}
