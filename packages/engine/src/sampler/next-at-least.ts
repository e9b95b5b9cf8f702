/** The first id from `from` on whose logit is not below `least`; the row's length when there is none. */
export function nextAtLeast(row: Float32Array, from: number, least: number): number {
  let id = from;
  // Eight at a time: almost always all of them are below.
  for (const end = row.length - 7; id < end; id += 8) {
    if (
      !(
        row[id]! < least &&
        row[id + 1]! < least &&
        row[id + 2]! < least &&
        row[id + 3]! < least &&
        row[id + 4]! < least &&
        row[id + 5]! < least &&
        row[id + 6]! < least &&
        row[id + 7]! < least
      )
    ) {
      break;
    }
  }
  while (id < row.length && row[id]! < least) id++;
  return id;
}
