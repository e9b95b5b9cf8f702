import type { EmbeddingSizes } from "@dyn/metrics";

/** Notes sizes in every registry that shows the engine. */
export class SizeNotes implements EmbeddingSizes {
  readonly #shown: EmbeddingSizes[] = [];

  add(sizes: EmbeddingSizes): void {
    this.#shown.push(sizes);
  }

  observe(sizes: { readonly inputs: number; readonly tokens: number }): void {
    for (const shown of this.#shown) shown.observe(sizes);
  }
}
