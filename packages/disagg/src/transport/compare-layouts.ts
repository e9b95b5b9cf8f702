/** Of two engines that meet; their cards are compared in the same words. */
export { compareKvTerms as compareLayouts } from "@dyn/protocol";
