// Fields of a request that routing reads in more than one room.
import type { PreprocessedRequest } from "@dyn/protocol";

export function loraOf(request: PreprocessedRequest): string | null {
  const name = request.routing?.lora_name ?? request.lora_name;
  return typeof name === "string" ? name : null;
}

/** `agent_context.session_id`: the header x-dynamo-session-id. */
export function sessionIdOf(request: PreprocessedRequest): string | null {
  const context = request.agent_context;
  if (typeof context !== "object" || context === null) return null;
  const id = (context as { session_id?: unknown }).session_id;
  return typeof id === "string" && id !== "" ? id : null;
}

/** The family of queue classes that it names: the header x-dynamo-meta-policy-class. */
export function policyFamilyOf({ routing }: PreprocessedRequest): string | null {
  const name = routing?.policy_class;
  return typeof name === "string" ? name : null;
}

/** It only asks where it would go. */
export function isRouteQuery({ annotations }: PreprocessedRequest): boolean {
  return annotations.some((name) => name.startsWith("query_instance_id:"));
}
