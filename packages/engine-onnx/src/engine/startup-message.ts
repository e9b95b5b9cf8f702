import type { ErrorRecord } from "@dyn/protocol";
import type { LoadPhase } from "../executor/load-phase.ts";

/** What the engine's thread says before the engine itself does (`ready`). */
export type StartupMessage =
  | { readonly type: "loadPhase"; readonly phase: LoadPhase }
  /** Nothing follows. */
  | { readonly type: "startFailed"; readonly error: ErrorRecord };
