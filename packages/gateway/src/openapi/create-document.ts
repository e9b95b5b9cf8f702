// The OpenAPI 3.1 document, from the routes themselves and the schemas by which their bodies are checked.
import { AnthropicErrorBody, OpenAIErrorBody, toJsonSchema } from "@dyn/protocol";
import { anthropicErrors } from "../errors/error-format.ts";
import type { Route } from "../http/router.ts";
import type { NamedSchema, OperationDoc } from "./operation.ts";

const errorStatuses: Readonly<Record<string, string>> = {
  400: "The request cannot work: the message says what is wrong with it.",
  401: "An API key is needed, and none or an unknown one was sent.",
  404: "The model is not served here.",
  413: "The body is larger than this server takes.",
  415: "The body is of a type that the route does not read.",
  429: "The key has used up what it may take for now.",
  501: "A field that this server refuses on purpose: the message names it.",
  503: "No worker can take the request now.",
  504: "No answer came within the time that this server waits for one.",
  529: "All workers have as much to do as they take.",
};

export function createOpenApiDocument(routes: readonly Route[]): object {
  const schemas = new SchemaComponents();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    if (route.doc === undefined) continue;
    const { path, parameters } = pathOf(route, route.doc);
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = {
      ...operationOf(route, route.doc, schemas),
      ...(parameters.length === 0 ? {} : { parameters }),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "dyn",
      version: "1",
      description:
        "LLM serving: OpenAI's and Anthropic's APIs, and what operators need beside them.",
    },
    paths,
    components: {
      schemas: schemas.all(),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
}

function pathOf({ path }: Route, { pathParameter }: OperationDoc) {
  if (!path.endsWith("/*")) return { path, parameters: [] };
  const name = pathParameter ?? "id";
  return {
    path: `${path.slice(0, -1)}{${name}}`,
    parameters: [{ name, in: "path", required: true, schema: { type: "string" } }],
  };
}

function operationOf(route: Route, doc: OperationDoc, schemas: SchemaComponents) {
  const { method, path } = route;
  const isOpen = route.access === "open";
  const errors: NamedSchema =
    route.errorFormat === anthropicErrors ? { AnthropicErrorBody } : { OpenAIErrorBody };
  const statuses = Object.entries(errorStatuses).filter(
    ([status]) => method !== "GET" || (status === "404" && path.endsWith("/*")),
  );
  return {
    tags: [doc.tag],
    summary: doc.summary,
    operationId: operationId(method, pathOf(route, doc).path),
    security: isOpen ? [] : [{}, { bearer: [] }, { apiKey: [] }],
    ...(doc.request === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              "application/json": { schema: schemas.refer(doc.request, "input") },
              ...(doc.form === undefined
                ? {}
                : { "multipart/form-data": { schema: schemas.refer(doc.form, "input") } }),
            },
          },
        }),
    responses: {
      200: { description: "The answer.", content: answerContent(doc, schemas) },
      ...Object.fromEntries(
        statuses.map(([status, description]) => [
          status,
          {
            description,
            content: { "application/json": { schema: schemas.refer(errors, "output") } },
          },
        ]),
      ),
    },
  };
}

function answerContent(doc: OperationDoc, schemas: SchemaComponents) {
  if (doc.contentType !== undefined) return { [doc.contentType]: { schema: { type: "string" } } };
  const schema =
    doc.response === undefined ? { type: "object" } : schemas.refer(doc.response, "output");
  if (doc.streamEvent === undefined) return { "application/json": { schema } };
  const event =
    doc.streamEvent === null ? { type: "string" } : schemas.refer(doc.streamEvent, "output");
  return { "application/json": { schema }, "text/event-stream": { schema: event } };
}

function operationId(method: string, path: string): string {
  const words = path.replace("{", "by ").replace(/\W+/g, " ").trim().split(" ");
  return [
    method.toLowerCase(),
    ...words.map((word) => word[0]!.toUpperCase() + word.slice(1)),
  ].join("");
}

/** One component for each schema. */
class SchemaComponents {
  readonly #schemas: Record<string, unknown> = {};

  refer(named: NamedSchema, io: "input" | "output"): { readonly $ref: string } {
    const [name, schema] = Object.entries(named)[0]!;
    this.#schemas[name] ??= toJsonSchema(schema, io);
    return { $ref: `#/components/schemas/${name}` };
  }

  all(): Record<string, unknown> {
    return this.#schemas;
  }
}
