import { UnavailableError } from "@dyn/protocol";

/** The request's caller goes on at another worker. */
export function engineShutdown(): UnavailableError {
  return new UnavailableError("The worker shuts down; another one can go on with the request.", {
    code: "DYN_ENGINE_SHUTDOWN",
  });
}
