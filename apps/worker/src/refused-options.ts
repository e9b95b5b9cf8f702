import { noMedia, type RefusalReasons, type WorkerConcerns } from "@dyn/args";

/** Why this worker does not act on some of the options that it knows. */
export const refusedOptions: RefusalReasons<WorkerConcerns> = {
  worker: {
    enableMultimodal: noMedia,
    dedicatedMmEncoder: noMedia,
    embeddingTransferMode: noMedia,
    frontendDecoding: noMedia,
    multimodalEmbeddingCacheCapacityGb: noMedia,
    multimodalEmbeddingCachePublisher: noMedia,
    imageDiffusionWorker: noMedia,
    videoGenerationWorker: noMedia,
    outputModalities: noMedia,
  },
};
