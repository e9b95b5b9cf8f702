import { ArgsError } from "@dyn/args";

/** The ArgsError that `action` throws; anything else fails the test. */
export function caught(action: () => unknown): ArgsError {
  try {
    action();
  } catch (error) {
    if (error instanceof ArgsError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown.");
}
