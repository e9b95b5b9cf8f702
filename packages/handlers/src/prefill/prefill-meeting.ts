// Where a prefill worker hands its request over: at its own bootstrap server, in the room that the request names.
import type { EngineInfo } from "@dyn/engine";
import {
  type BootstrapInfo,
  fakeBootstrapHost,
  InternalError,
  type PreprocessedRequest,
} from "@dyn/protocol";
import { drawU64 } from "@dyn/runtime";

const roomCount = 2n ** 63n;

/** A room of its own where the request names none. */
export function prefillMeeting(
  { bootstrap_info: given }: PreprocessedRequest,
  { disaggregation }: EngineInfo,
): BootstrapInfo {
  if (given?.bootstrap_host === fakeBootstrapHost) return given;
  const { bootstrapHost: host = null, bootstrapPort: port = null } = disaggregation ?? {};
  if (disaggregation?.mode !== "prefill" || host === null || port === null) {
    throw new InternalError(
      "This worker's engine hands nothing over: it was started without --disaggregation-mode prefill.",
    );
  }
  return {
    bootstrap_host: given?.bootstrap_host ?? host,
    bootstrap_port: given?.bootstrap_port ?? port,
    bootstrap_room: given?.bootstrap_room ?? drawU64() % roomCount,
  };
}
