/** Codes of onnx.TensorProto.DataType. */
export const elementTypeCode = {
  float32: 1,
  uint8: 2,
  uint16: 4,
  int32: 6,
  int64: 7,
  float16: 10,
  bfloat16: 16,
} as const;

export type ElementType = keyof typeof elementTypeCode;
