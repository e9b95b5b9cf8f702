// zod's checks of lengths run on whatever has a `length`, wrong types too, and throw where that is no number.

/** Parameters of `min` and `max`: they run on values of the type alone, since any other has been refused already. */
export function whenType(type: "string" | "list", error: string): { readonly error: string } {
  const isOfType = (value: unknown) =>
    type === "string" ? typeof value === "string" : Array.isArray(value);
  // zod takes `when`; the types of these checks do not name it.
  const when = ({ value }: { readonly value: unknown }) => isOfType(value);
  return { error, when } as { readonly error: string };
}
