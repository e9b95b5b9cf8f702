import { InvalidArgumentError } from "@dyn/protocol";

export interface LogSpacing {
  /** Above 0. */
  readonly min: number;
  readonly max: number;
  /** Bounds in all, at least 2. */
  readonly count: number;
}

/** Bounds evenly spaced in the logarithm from min to max, rounded to two digits; 0 stands in the place of the first. */
export function logSpacedBuckets({ min, max, count }: LogSpacing): number[] {
  if (!(min > 0 && max > min && max < Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError(
      `Histogram bounds from ${min} to ${max}: both must be finite and 0 < min < max.`,
    );
  }
  if (!Number.isInteger(count) || count < 2) {
    throw new InvalidArgumentError(`${count} histogram bounds: it must be an integer >= 2.`);
  }
  const ratio = (max / min) ** (1 / (count - 1));
  const bounds = Array.from({ length: count }, (_, i) => Number((min * ratio ** i).toPrecision(2)));
  bounds[0] = 0;
  return bounds;
}
