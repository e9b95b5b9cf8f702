import { tableToClass } from "./code-point-class.ts";
import { inertInNormalization } from "./code-point-tables.ts";

export type NormalForm = "NFC" | "NFD" | "NFKC" | "NFKD";

const inert = new RegExp(`[${tableToClass(inertInNormalization)}]`, "v");
const splitAtInert = new RegExp(`([${tableToClass(inertInNormalization)}])`, "v");
const aboveLatin = /[\u0300-\uffff]/;

/** The form as the normalisation crate of tokenizers makes it: characters newer than its tables stand still. */
export function normalizeUnicode(text: string, form: NormalForm): string {
  if (form === "NFC" && !aboveLatin.test(text)) return text;
  if (!inert.test(text)) return text.normalize(form);
  return text
    .split(splitAtInert)
    .map((part, index) => (index % 2 === 0 ? part.normalize(form) : part))
    .join("");
}
