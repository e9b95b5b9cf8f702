/** Of a total that only grows: by how much since it was last asked for. */
export function createGrownTotal(): (total: number) => number {
  let before = 0;
  return (total) => {
    const grown = Math.max(0, total - before);
    before = total;
    return grown;
  };
}
