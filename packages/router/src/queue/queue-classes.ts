// Who waits in which line: a request's class follows from the family that it names and from how much of its prompt nobody has cached.
import type { QueueSettings } from "./request-queue.ts";

export interface QueueClass extends QueueSettings {
  readonly className: string;
  readonly family: string;
  readonly bucket: string;
  /** Prompt tokens that its line may let go while each of the others lets go of its own; null = as many as the others. */
  readonly quantum: number | null;
}

export interface QueueClasses {
  /** Of requests that name none, or one that is not there. */
  readonly defaultFamily: string;
  /** By `minTokens`, which begin at 0: the last one that is not above the prompt's uncached tokens is its bucket. */
  readonly buckets: readonly { readonly minTokens: number; readonly bucket: string }[];
  /** One for each family and bucket. */
  readonly classes: readonly QueueClass[];
}

/** The class of a request. `uncachedTokens`: asked for where there are several buckets. */
export function classOf(
  { defaultFamily, buckets, classes }: QueueClasses,
  family: string | null,
  uncachedTokens: () => number,
): QueueClass {
  const isKnown = classes.some((it) => it.family === family);
  const its = isKnown ? family : defaultFamily;
  const tokens = buckets.length === 1 ? 0 : uncachedTokens();
  const { bucket } = buckets.findLast(({ minTokens }) => minTokens <= tokens)!;
  return classes.find((it) => it.family === its && it.bucket === bucket)!;
}

/** One class for everybody. */
export function oneClass(settings: QueueSettings): QueueClasses {
  const all = { family: "default", bucket: "all", quantum: null };
  return {
    defaultFamily: "default",
    buckets: [{ minTokens: 0, bucket: "all" }],
    classes: [{ ...settings, className: settings.className ?? "default", ...all }],
  };
}

/** Why a request might find no class, or two; `null`: each finds one. */
export function faultOf({ defaultFamily, buckets, classes }: QueueClasses): string | null {
  const names = classes.map(({ className }) => className);
  const double = names.find((name, i) => names.indexOf(name) !== i);
  if (double !== undefined) return `two policy_classes are named ${double}.`;
  const isRising = buckets.every(
    ({ minTokens }, i) => minTokens > (buckets[i - 1]?.minTokens ?? -1),
  );
  if (!isRising || buckets[0]?.minTokens !== 0) {
    return "min_tokens of uncached_isl_buckets begin at 0 and rise.";
  }
  const known = buckets.map(({ bucket }) => bucket);
  const lost = classes.find(({ bucket }) => !known.includes(bucket));
  if (lost !== undefined) {
    return `the class ${lost.className} is for the bucket ${lost.bucket}, and the buckets are ${known.join(", ")}.`;
  }
  const families = [...new Set(classes.map(({ family }) => family))];
  if (!families.includes(defaultFamily)) {
    return `default_policy_family is ${defaultFamily}, and the families of policy_classes are ${families.join(", ")}.`;
  }
  for (const family of families) {
    for (const bucket of new Set(known)) {
      const count = classes.filter((it) => it.family === family && it.bucket === bucket).length;
      if (count !== 1) {
        return `${count} classes are for the family ${family} and the bucket ${bucket}; give one.`;
      }
    }
  }
  return null;
}
