// What a picture is by its first bytes: clients often send files without saying.

const signatures: readonly (readonly [type: string, offset: number, bytes: string])[] = [
  ["image/png", 0, "\x89PNG\r\n\x1a\n"],
  ["image/jpeg", 0, "\xff\xd8\xff"],
  ["image/gif", 0, "GIF8"],
  ["image/webp", 8, "WEBP"],
];

/** `null`: none of those that are known here. */
export function imageTypeOf(bytes: Buffer): string | null {
  const known = signatures.find(
    ([, offset, signature]) =>
      bytes.toString("latin1", offset, offset + signature.length) === signature,
  );
  return known?.[0] ?? null;
}
