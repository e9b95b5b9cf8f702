/** Every byte except ASCII letters and digits becomes %XX, as file names of the file backend (Dynamo 1.6.1). */
export function encodeFileName(rest: string): string {
  let name = "";
  for (const byte of Buffer.from(rest)) {
    const isPlain =
      (byte >= 0x30 && byte <= 0x39) ||
      (byte >= 0x41 && byte <= 0x5a) ||
      (byte >= 0x61 && byte <= 0x7a);
    name += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return name;
}

/** `null` for a name that this encoding cannot have made. */
export function decodeFileName(name: string): string | null {
  if (!/^(?:[A-Za-z0-9]|%[0-9A-F]{2})+$/.test(name)) return null;
  const bytes = name.replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
