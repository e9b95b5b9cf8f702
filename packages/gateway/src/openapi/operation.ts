import type { z } from "zod";

/** A schema under its name in the document: `{ ModelList }`. */
export type NamedSchema = Readonly<Record<string, z.ZodType>>;

/** What the OpenAPI document says of a route. */
export interface OperationDoc {
  readonly tag: "OpenAI" | "Anthropic" | "Models" | "Tokens" | "Operation" | "Administration";
  readonly summary: string;
  /** The JSON body. */
  readonly request?: NamedSchema;
  /** The body as multipart/form-data, where it may come so too. */
  readonly form?: NamedSchema;
  /** The whole answer; absent: any JSON object. */
  readonly response?: NamedSchema;
  /** Of answers that are no JSON. */
  readonly contentType?: string;
  /** With `stream: true` the answer is a stream of events, each with such data; `null`: of several kinds. */
  readonly streamEvent?: NamedSchema | null;
  /** The part behind a prefix route's star. */
  readonly pathParameter?: string;
}
