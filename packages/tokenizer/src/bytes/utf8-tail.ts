/**
 * How many bytes at the end of `bytes` are the beginning of a character that could still become whole
 * (0 to 3). Follows the Unicode standard's table of well-formed sequences.
 */
export function unfinishedByteCount(bytes: Uint8Array): number {
  const end = bytes.length;
  for (let back = 1; back <= 3 && back <= end; back++) {
    const lead = bytes[end - back]!;
    if (lead < 0x80) return 0;
    if (lead < 0xc0) continue;
    const size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (back >= size) return 0;
    return back === 1 || isSecondByte(lead, bytes[end - back + 1]!) ? back : 0;
  }
  return 0;
}

function isSecondByte(lead: number, second: number): boolean {
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}
