/** The name of the weights in force: given at start, changed with the weights or by itself, told in answers. */
export interface WeightVersion {
  current: string;
}
