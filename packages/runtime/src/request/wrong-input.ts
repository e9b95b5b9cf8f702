import { InvalidArgumentError } from "@dyn/protocol";

/** A caller and an endpoint that do not agree on whether the request is one body or a stream of items. */
export function wrongInput(wanted: "one" | "many"): InvalidArgumentError {
  return new InvalidArgumentError(
    wanted === "one"
      ? "This endpoint takes one request, and the caller sends a stream of items. Use generate."
      : "This endpoint takes a stream of items, and the caller sent one request. Use exchange.",
  );
}
