import { InvalidArgumentError, PreprocessedRequest } from "@dyn/protocol";
import { z } from "zod";

/** Health checks leave them out. */
const defaults = { model: "", output_options: {} };

/** Throws an InvalidArgumentError that names the fields. */
export function parseRequest(body: unknown): PreprocessedRequest {
  const parsed = PreprocessedRequest.safeParse(withDefaults(body));
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(
    `The preprocessed request is not valid: ${z.prettifyError(parsed.error)}`,
  );
}

function withDefaults(body: unknown): unknown {
  const isRecord = typeof body === "object" && body !== null && !Array.isArray(body);
  return isRecord ? { ...defaults, ...body } : body;
}
