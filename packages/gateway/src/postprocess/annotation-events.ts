// Annotations that a request asked for: events before its first chunk, their JSON in a comment line.
import { InvalidArgumentError, type TokenIds } from "@dyn/protocol";
import type { ModelPipeline } from "../models/model-pipeline.ts";
import { toNumbers } from "../preprocess/to-numbers.ts";

export interface AnnotationSource {
  readonly requestId: string;
  readonly tokenIds: TokenIds;
  /** `null` when the client sent token ids. */
  readonly promptText: string | null;
}

const sources: Readonly<Record<string, (source: AnnotationSource) => unknown>> = {
  request_id: ({ requestId }) => requestId,
  token_ids: ({ tokenIds }) => toNumbers(tokenIds),
  formatted_prompt: ({ promptText }) => promptText,
};

/** Unknown names pass: workers and routers have annotations of their own. */
export function annotationEvents(names: readonly string[], source: AnnotationSource): string {
  let events = "";
  for (const name of names) {
    const value = sources[name]?.(source) ?? null;
    if (value === null) continue;
    events += `event: ${name}\n: ${JSON.stringify(value)}\n\n`;
  }
  return events;
}

/** Events need a stream. */
export function checkAnnotations(names: readonly string[], isStream: boolean): void {
  if (isStream) return;
  const asked = names.find((name) => name in sources);
  if (asked === undefined) return;
  throw new InvalidArgumentError(
    `The annotation ${asked} comes as an event, so it needs stream: true. Set it, or leave the annotation out.`,
    { param: "nvext.annotations" },
  );
}

/** `query_instance_id:`: where would it go? Without a router that chooses, the annotation means nothing. */
export function isRoutingQuery(pipeline: ModelPipeline, names: readonly string[]): boolean {
  return pipeline.router !== null && names.some((name) => name.startsWith("query_instance_id:"));
}
