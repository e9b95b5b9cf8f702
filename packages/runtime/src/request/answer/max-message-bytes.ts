/** A larger item of an answer is refused: it would have to be in memory as a whole. */
export const maxMessageBytes = 256 * 1024 * 1024;
