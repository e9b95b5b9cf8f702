// The picture to start from, in each form that OpenAI's clients send it in.
import { InvalidArgumentError } from "@dyn/protocol";

type Body = Readonly<Record<string, unknown>>;

/**
 * The body with `input_reference` as workers take it: an address or a data URL. `upload`: another field that it may come in.
 * What is of no known form is left for the check of the body. Throws InvalidArgumentError for more pictures than one.
 */
export function withReference(body: unknown, { upload }: { readonly upload: string | null }): Body {
  const { input_reference: direct, ...rest } = body as Body;
  const isUpload = direct === undefined && upload !== null && Object.hasOwn(rest, upload);
  const field = isUpload ? upload : "input_reference";
  const given = isUpload ? rest[upload] : direct;
  if (given === undefined) return rest;
  if (isUpload) delete (rest as Record<string, unknown>)[upload];
  return { ...rest, input_reference: toAddress(onlyOne(given, field), field) };
}

function onlyOne(given: unknown, field: string): unknown {
  if (!Array.isArray(given)) return given;
  if (given.length === 1) return given[0];
  throw new InvalidArgumentError(
    `${field} has ${given.length} pictures, but workers start from one. Send one; others can come under names of their own.`,
    { param: field },
  );
}

function toAddress(given: unknown, field: string): unknown {
  if (typeof given !== "object" || given === null) return given;
  const { image_url: address, file_id: fileId } = given as Body;
  if (fileId !== undefined) {
    throw new InvalidArgumentError(
      `${field}.file_id names a stored file, but this server keeps none. Send the picture itself, or its address as ${field}.image_url.`,
      { param: `${field}.file_id` },
    );
  }
  return address ?? given;
}
