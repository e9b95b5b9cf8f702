/** Markers to look for together. At one place the longest wins; of several places the first. */
export class MarkerSet {
  readonly markers: readonly string[];
  readonly #firstUnits: RegExp;

  constructor(markers: Iterable<string>) {
    this.markers = [...new Set(markers)].sort((a, b) => b.length - a.length);
    const units = [...new Set(this.markers.map((marker) => marker.charAt(0)))];
    const escaped = units.map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
    this.#firstUnits = new RegExp(escaped.length === 0 ? "(?!)" : `[${escaped.join("")}]`, "g");
  }

  has(marker: string): boolean {
    return this.markers.includes(marker);
  }

  /**
   * The first place from `from` where a marker stands, or where one may still be completed by text to come
   * (`marker` is null then; never when `isWhole`). The end of the text when there is none.
   */
  find(text: string, from: number, isWhole: boolean): { at: number; marker: string | null } {
    const units = this.#firstUnits;
    units.lastIndex = from;
    for (let match = units.exec(text); match !== null; match = units.exec(text)) {
      const found = this.at(text, match.index, isWhole);
      if (found !== "") return { at: match.index, marker: found };
    }
    return { at: text.length, marker: null };
  }

  /** The marker at this place; `""` for none; null while text to come decides. */
  at(text: string, position: number, isWhole: boolean): string | null {
    const rest = text.length - position;
    for (const marker of this.markers) {
      if (marker.length <= rest) {
        if (text.startsWith(marker, position)) return marker;
      } else if (!isWhole && marker.startsWith(text.slice(position))) {
        return null;
      }
    }
    return "";
  }
}
