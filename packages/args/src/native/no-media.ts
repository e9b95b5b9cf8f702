/** Why flags and variables of multimodal workers are refused, in every spelling. */
export const noMedia = "workers of this release take and give text, no images, sound or video";
