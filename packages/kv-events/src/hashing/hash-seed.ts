/** Dynamo's: of blocks, and of every link of the chain, with LoRA and salt too. */
export const hashSeed = 1337n;
