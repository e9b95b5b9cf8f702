import { DynError, InvalidArgumentError } from "@dyn/protocol";

/** A worker's complaint of the form of an answer, with the field that the client set. `null`: it set none. */
export function nameFormField(error: unknown, formField: string | null): unknown {
  if (!DynError.is(error) || error.param !== "guided_decoding") return error;
  if (formField === null || error.status !== 400) return error;
  const message = error.message.replaceAll("guided_decoding", formField);
  return new InvalidArgumentError(
    message.includes(formField) ? message : `${formField}: ${message}`,
    {
      param: formField,
      cause: error,
    },
  );
}
