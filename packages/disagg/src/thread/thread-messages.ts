import type { ErrorRecord } from "@dyn/protocol";
import type { RoomRecord } from "../rooms/room-record.ts";

export type MessageFromThread =
  | { readonly type: "ready"; readonly bootstrapPort: number | null }
  /** Worth a line in a log. */
  | { readonly type: "notice"; readonly text: string }
  | { readonly type: "roomEnded"; readonly record: RoomRecord }
  | { readonly type: "failed"; readonly error: ErrorRecord };

export type MessageToThread = { readonly type: "close" };
