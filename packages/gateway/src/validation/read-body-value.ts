// From a request to the value of its body, whichever form the client chose.
import type { z } from "zod";
import { createFormToBody } from "../form/form-to-body.ts";
import { readForm } from "../form/read-form.ts";
import type { Exchange } from "../http/exchange.ts";
import { mediaTypeOf, readJsonBody } from "../http/read-body.ts";
import type { GatewayLimits } from "../limits.ts";
import { parseJson } from "./parse-json.ts";

export type BodyReader = (exchange: Exchange, limits: GatewayLimits) => Promise<unknown>;

export const readJson: BodyReader = async (exchange, limits) =>
  parseJson(await readJsonBody(exchange, limits.bodySizeBytes), limits);

/** JSON, or a form of the same fields. `schema`: by which the body will be checked. */
export function createFormReader(schema: z.ZodType): BodyReader {
  const toBody = createFormToBody(schema);
  return async (exchange, limits) => {
    if (mediaTypeOf(exchange.request) !== "multipart/form-data") {
      return await readJson(exchange, limits);
    }
    return toBody(await readForm(exchange, limits), limits);
  };
}
