/** What a listener is told while a model is downloaded. Sizes in bytes; `null` when the hub does not say. */
export type DownloadEvent =
  | {
      readonly type: "file-started";
      readonly file: string;
      readonly sizeBytes: number | null;
      /** Already on disk from an earlier try. */
      readonly resumedBytes: number;
    }
  | { readonly type: "file-progress"; readonly file: string; readonly doneBytes: number }
  | { readonly type: "file-finished"; readonly file: string; readonly sizeBytes: number }
  | {
      readonly type: "retry";
      readonly what: string;
      readonly reason: string;
      readonly delayMs: number;
    };

export type DownloadListener = (event: DownloadEvent) => void;
