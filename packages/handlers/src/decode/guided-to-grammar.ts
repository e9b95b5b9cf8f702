// From the wire's guided decoding to the grammar that the engine follows.
import type { RequestGrammar } from "@dyn/engine";
import { type GuidedDecoding, InvalidArgumentError, type PreprocessedRequest } from "@dyn/protocol";

type Spec = RequestGrammar["spec"];

const constraints = ["json", "regex", "choice", "grammar", "structural_tag"] as const;

/**
 * `null` when the request asks for none. `reasoningEnd`: the text that ends the model's reasoning, after which the
 * grammar begins when the request requires reasoning. `backend` names an engine's library and changes nothing here.
 */
export function guidedToGrammar(
  request: PreprocessedRequest,
  reasoningEnd: string,
): RequestGrammar | null {
  const guided = request.sampling_options.guided_decoding;
  if (guided == null) return null;
  const set = constraints.filter((name) => guided[name] != null);
  const [constraint] = set;
  if (set.length > 1) {
    throw refuse(
      `guided_decoding has ${set.join(" and ")}; only one constraint can be followed. Send one of them.`,
    );
  }
  if (guided.whitespace_pattern != null && constraint !== "json") {
    throw refuse(
      "guided_decoding.whitespace_pattern is set without json; it says what stands between the tokens of JSON. Leave it out.",
    );
  }
  if (constraint === undefined) return null;
  return {
    spec: toSpec(constraint, guided),
    startsAfter: request.require_reasoning === true ? reasoningEnd : null,
  };
}

function toSpec(constraint: (typeof constraints)[number], guided: GuidedDecoding): Spec {
  switch (constraint) {
    case "json":
      return {
        kind: "json",
        schema: toSchema(guided.json),
        whitespacePattern: guided.whitespace_pattern ?? null,
      };
    case "regex":
      return { kind: "regex", pattern: guided.regex! };
    case "choice":
      return { kind: "choice", choices: guided.choice! };
    case "grammar":
      return { kind: "ebnf", grammar: guided.grammar! };
    case "structural_tag":
      return { kind: "structural_tag", tag: guided.structural_tag };
  }
}

/** SGLang's `$$ANY$$` is any JSON. */
function toSchema(json: unknown): unknown {
  if (typeof json !== "string") return json;
  if (json === "$$ANY$$") return {};
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw refuse(
      `guided_decoding.json is text that is not JSON (${(cause as Error).message}); send a JSON schema.`,
      cause,
    );
  }
}

function refuse(message: string, cause?: unknown): InvalidArgumentError {
  return new InvalidArgumentError(message, { param: "guided_decoding", cause });
}
