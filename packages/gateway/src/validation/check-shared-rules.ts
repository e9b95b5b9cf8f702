// Rules that chat and text completions share and that a schema of single fields cannot say.
import { InvalidArgumentError, type SamplingRequest } from "@dyn/protocol";
import { notSupportedYet } from "../errors/gateway-errors.ts";

export function checkSharedRules(request: SamplingRequest): void {
  if (request.stream_options != null && request.stream !== true) {
    throw new InvalidArgumentError(
      "stream_options needs stream: true. Set it, or leave both out.",
      {
        param: "stream_options",
      },
    );
  }
  if (request.detokenize === false) checkIdsAlone(request);
  if (request.nvext?.metadata_upload != null) {
    throw notSupportedYet("nvext.metadata_upload", "Leave it out.");
  }
}

/** An answer of token ids: nothing that needs text, and ids have a place for one choice in a whole answer. */
function checkIdsAlone(request: SamplingRequest): void {
  const stops = request.stop ?? [];
  if (typeof stops === "string" || stops.some((stop) => typeof stop === "string")) {
    throw new InvalidArgumentError(
      "stop has strings, but detokenize is false: no text is made to look for them in. Use stop_token_ids.",
      { param: "stop" },
    );
  }
  if ((request.n ?? 1) > 1 && request.stream !== true) {
    throw new InvalidArgumentError(
      `n is ${request.n} and detokenize is false: a whole answer has room for the ids of one choice. Set stream: true, or n to 1.`,
      { param: "n" },
    );
  }
}
