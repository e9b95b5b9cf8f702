import { randomUUID } from "node:crypto";
import type { GenerateRequest } from "@dyn/engine";
import type { PreprocessedRequest } from "@dyn/protocol";
import { requestToGenerate } from "./request-to-generate.ts";
import type { ThinkingMarkers } from "./thinking-markers.ts";

/** Under a fresh id: a caller may send two requests under one of its own. Markers are asked for only where they count. */
export async function readGenerate(
  wire: PreprocessedRequest,
  options: {
    readonly reasoningEnd?: string | undefined;
    readonly thinkingMarkers?: (() => Promise<ThinkingMarkers | null>) | undefined;
  },
): Promise<GenerateRequest> {
  const isBounded = wire.stop_conditions.max_thinking_tokens != null;
  return requestToGenerate(wire, randomUUID(), {
    end: options.reasoningEnd,
    markers: isBounded ? ((await options.thinkingMarkers?.()) ?? null) : null,
  });
}
