export { joinWeightGroup, type WeightGroup } from "./receive/weight-group.ts";
export {
  createWeightSender,
  type SentTensor,
  type WeightSender,
} from "./send/weight-sender.ts";
export { defaultGroupName, type TensorShape } from "./wire/messages.ts";
export { tensorBytes } from "./wire/tensor-types.ts";
