/** What the door admits. Every figure can be set; these are the defaults. */
export interface GatewayLimits {
  /** Largest request body (Dynamo 1.6.1 admits as much); larger ones are answered with 413. */
  readonly bodySizeBytes: number;
  /** All header lines of a request together; larger ones are answered with 431. */
  readonly headerSizeBytes: number;
  /** Nesting of objects and lists in a JSON body. */
  readonly jsonDepth: number;
  /** Objects and lists of a JSON body: they cost far more memory and time than their bytes. */
  readonly jsonContainerCount: number;
  /** Commas of a JSON body; a prompt of token ids needs many. */
  readonly jsonValueCount: number;
  /** Fields and files of a multipart body. */
  readonly formPartCount: number;
  /** One field of a multipart body that is no file. */
  readonly formFieldSizeBytes: number;
  /** From the first byte of a request to the end of its headers; later ones are answered with 408. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body; later ones are answered with 408. */
  readonly bodyTimeoutMs: number;
  /** How long an idle connection stays open for the next request. */
  readonly keepAliveTimeoutMs: number;
  /** A client that takes nothing of a stream for so long is cut off, and its request ends. */
  readonly stalledReaderTimeoutMs: number;
  /** For one request from its headers to the end of its answer; `null`: no bound. */
  readonly requestTimeoutMs: number | null;
  /** Requests of clients that run at one time; `null`: no bound. */
  readonly concurrentRequests: number | null;
  /** Prompts times choices of one text completion request. */
  readonly choiceCount: number;
}

/** What a gateway keeps to that is not told otherwise. */
export const defaultLimits: GatewayLimits = Object.freeze({
  bodySizeBytes: 45 * 1024 * 1024,
  headerSizeBytes: 32 * 1024,
  jsonDepth: 64,
  jsonContainerCount: 100_000,
  jsonValueCount: 2_000_000,
  formPartCount: 64,
  formFieldSizeBytes: 1024 * 1024,
  headersTimeoutMs: 15_000,
  bodyTimeoutMs: 120_000,
  keepAliveTimeoutMs: 65_000,
  stalledReaderTimeoutMs: 120_000,
  requestTimeoutMs: null,
  concurrentRequests: null,
  choiceCount: 128,
});
