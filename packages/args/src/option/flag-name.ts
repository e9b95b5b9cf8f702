/** `httpPort` -> `http-port`, `nextN2` -> `next-n2`. */
export function fieldToFlag(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A spelled flag without dashes in front; underscores count as dashes. */
export function normalizeFlag(spelled: string): string {
  return spelled.replaceAll("_", "-");
}
