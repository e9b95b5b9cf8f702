// What a quantised checkpoint holds: per group of linear layers codes and scales, rows of all projections one after the other.
import type { ModelConfig } from "@dyn/model-files";
import { type ProjectionGroup, projectionGroups } from "../weights/tensor-names.ts";
import { chooseBlockSize } from "./block-size.ts";

export interface QuantizedGroup {
  readonly group: ProjectionGroup;
  readonly blockSize: number;
  readonly rowCount: number;
  /** U8 [rowCount, blocks per row, blockSize] */
  readonly codes: string;
  /** F32 [rowCount, blocks per row] */
  readonly scales: string;
}

/** `null` when the group stays unquantised. */
export function quantizedGroup(group: ProjectionGroup): QuantizedGroup | null {
  const blockSize = chooseBlockSize(group.inputSize);
  if (blockSize === null) return null;
  const name = group.projections[0]!.weight;
  return {
    group,
    blockSize,
    rowCount: group.projections.reduce((sum, { outputSize }) => sum + outputSize, 0),
    codes: `${name}.codes`,
    scales: `${name}.scales`,
  };
}

export function quantizedGroups(config: ModelConfig): QuantizedGroup[] {
  return projectionGroups(config).flatMap((group) => quantizedGroup(group) ?? []);
}
