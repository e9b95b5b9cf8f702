// What requests have where they say nothing: an operator's defaults, read once at start.
import { InvalidArgumentError } from "@dyn/protocol";
import { z } from "zod";

const RequestTemplateFile = z.strictObject({
  model: z.string().min(1).optional(),
  temperature: z.number().min(0).max(2).optional(),
  max_completion_tokens: z.number().int().min(1).max(4_294_967_295).optional(),
});

export interface RequestTemplate {
  readonly model: string | null;
  readonly temperature: number | null;
  readonly maxTokens: number | null;
}

/** The file's content. Throws an InvalidArgumentError that names what is wrong; `where` names the file in it. */
export function readRequestTemplate(text: string, where: string): RequestTemplate {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InvalidArgumentError(`${where} is not valid JSON (${(cause as Error).message}).`, {
      cause,
    });
  }
  const parsed = RequestTemplateFile.safeParse(json);
  if (!parsed.success) {
    throw new InvalidArgumentError(
      `${where} is no request template: ${z.prettifyError(parsed.error)}. It may have model, temperature and max_completion_tokens.`,
    );
  }
  const { model = null, temperature = null, max_completion_tokens: maxTokens = null } = parsed.data;
  return { model, temperature, maxTokens };
}

const lengthFields = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const;

/** A body with the template's values where its own are missing, null or an empty model. What is no object passes. */
export function fillRequest(
  body: unknown,
  template: RequestTemplate | null,
  lengthField: (typeof lengthFields)[number],
): unknown {
  if (template === null || typeof body !== "object" || body === null || Array.isArray(body)) {
    return body;
  }
  const given = body as Readonly<Record<string, unknown>>;
  const { model, temperature, maxTokens } = template;
  const hasLength = lengthFields.some((field) => given[field] != null);
  return {
    ...given,
    ...(model !== null && (given.model == null || given.model === "") ? { model } : {}),
    ...(temperature !== null && given.temperature == null ? { temperature } : {}),
    ...(maxTokens !== null && !hasLength ? { [lengthField]: maxTokens } : {}),
  };
}
