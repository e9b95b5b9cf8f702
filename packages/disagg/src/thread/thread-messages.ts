import type { ErrorRecord } from "@dyn/protocol";

export type MessageFromThread =
  | { readonly type: "ready"; readonly bootstrapPort: number | null }
  | { readonly type: "failed"; readonly error: ErrorRecord };

export type MessageToThread = { readonly type: "close" };
