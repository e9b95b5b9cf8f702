// What the file system tells of one folder: names that changed, until somebody asks.
import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";

export class FolderChanges {
  readonly #folder: string;
  readonly #onProblem: (message: string, error: unknown) => void;
  readonly #onTouch: (name: string) => void;
  readonly #changed = new Set<string>();
  #watcher: FSWatcher | null = null;
  #inode: bigint | null = null;
  #hasRefused = false;
  #isPending = false;
  #wake: (() => void) | null = null;

  /** `onTouch`: written to, or its times were set. Names that came, went or were replaced are taken by `take`. */
  constructor(options: {
    readonly folder: string;
    readonly onTouch: (name: string) => void;
    readonly onProblem: (message: string, error: unknown) => void;
  }) {
    this.#folder = options.folder;
    this.#onTouch = options.onTouch;
    this.#onProblem = options.onProblem;
  }

  /** `true`: the folder was not watched until now, or is another one: what changed before is not known. */
  async renew(): Promise<boolean> {
    const inode = await stat(this.#folder, { bigint: true }).then(
      ({ ino }) => ino,
      () => null,
    );
    if (this.#watcher !== null && inode === this.#inode) return false;
    this.close();
    this.#inode = inode;
    if (inode !== null) this.#open();
    return true;
  }

  /** As if it had come, gone or been replaced. */
  add(name: string): void {
    this.#changed.add(name);
    this.wake();
  }

  take(): string[] {
    const names = [...this.#changed];
    this.#changed.clear();
    return names;
  }

  /** Resolves at a change, when `wake` is called, or after the time. */
  async next(timeoutMs: number): Promise<void> {
    if (!this.#isPending) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        timer.unref();
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#isPending = false;
  }

  wake(): void {
    this.#isPending = true;
    this.#wake?.();
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  /** Where the system refuses (its watches are used up), looking again and again goes on alone. */
  #open(): void {
    try {
      const watcher = watch(this.#folder, { persistent: false }, (type, name) => {
        if (name === null) return;
        if (type === "change") this.#onTouch(name);
        else this.add(name);
      });
      watcher.on("error", () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = null;
      });
      this.#watcher = watcher;
    } catch (error) {
      if (!this.#hasRefused) {
        this.#onProblem(`${this.#folder} cannot be watched; it is looked at instead.`, error);
      }
      this.#hasRefused = true;
    }
  }
}
