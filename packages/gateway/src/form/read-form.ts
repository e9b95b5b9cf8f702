// The parts of a multipart/form-data body, in their order. What they mean is not known here.
import type { IncomingMessage } from "node:http";
import {
  Busboy,
  type BusboyFileStream,
  type BusboyHeaders,
  type BusboyInstance,
} from "@fastify/busboy";
import { badForm } from "../errors/gateway-errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { checkDeclared, takeBody } from "../http/read-body.ts";
import type { GatewayLimits } from "../limits.ts";

export interface FormPart {
  readonly name: string;
  /** `null`: a plain field. */
  readonly fileName: string | null;
  /** As the client says. */
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export type FormLimits = Pick<
  GatewayLimits,
  "bodySizeBytes" | "formPartCount" | "formFieldSizeBytes"
>;

const maxNameBytes = 100;
/** A part's own headers; three have a meaning. */
const maxHeaderPairs = 16;

/**
 * Throws InvalidArgumentError (it names the part where one is at fault), a 413 or 415 as `readJsonBody` does, and
 * CancelledError when the client leaves. As behind `readJsonBody`, the caller's turn has come then.
 */
export async function readForm(
  exchange: Pick<Exchange, "request" | "takeTurn">,
  limits: FormLimits,
): Promise<FormPart[]> {
  const { request } = exchange;
  checkDeclared(request, limits.bodySizeBytes);
  const form = new FormCollector(request, limits);
  await takeBody(request, limits.bodySizeBytes, (bytes) => form.push(bytes));
  await form.end();
  const turn = exchange.takeTurn();
  if (turn !== null) await turn;
  return form.toParts();
}

/** A form in the making. Once something is wrong with it the rest is let go by. */
class FormCollector {
  readonly #parser: BusboyInstance;
  readonly #limits: FormLimits;
  readonly #parts: { readonly head: Omit<FormPart, "bytes">; readonly chunks: Buffer[] }[] = [];
  #openParts = 0;
  #isFinished = false;
  #failure: Error | null = null;

  constructor(request: IncomingMessage, limits: FormLimits) {
    this.#limits = limits;
    this.#parser = createParser(request, limits)
      .on("finish", () => {
        this.#isFinished = true;
      })
      .on("error", () => this.#fail(badForm("it breaks off before its end.")))
      .on("partsLimit", () =>
        this.#fail(badForm(`it has more than ${limits.formPartCount} parts.`)),
      )
      // The type of the first and third passes over that a part may have none.
      .on("file", (name: string | undefined, stream, fileName: string | undefined, _, mediaType) =>
        this.#collect(stream, { name: name ?? "", fileName: fileName ?? null, mediaType }),
      );
  }

  push(bytes: Buffer): void {
    if (this.#failure === null) this.#parser.write(bytes);
  }

  /** Throws what is wrong with it. */
  async end(): Promise<void> {
    if (this.#failure === null) {
      this.#parser.end();
      // All of it is in memory: what the parser does not say within this turn it never says.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (!this.#isFinished || this.#openParts > 0) {
        this.#fail(badForm("it breaks off inside of a part."));
      }
    }
    if (this.#failure !== null) throw this.#failure;
    if (this.#parts.length === 0) {
      throw badForm("it has no parts between the boundaries that its Content-Type names.");
    }
  }

  toParts(): FormPart[] {
    return this.#parts.map(({ head, chunks }) => ({ ...head, bytes: Buffer.concat(chunks) }));
  }

  #collect(stream: BusboyFileStream, head: Omit<FormPart, "bytes">): void {
    const { name, fileName } = head;
    if (name === "") this.#fail(badForm("a part has no name."));
    if (Buffer.byteLength(name) > maxNameBytes) {
      this.#fail(badForm(`is a name of more than ${maxNameBytes} bytes.`, name));
    }
    const { formFieldSizeBytes } = this.#limits;
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    this.#parts.push({ head, chunks });
    this.#openParts += 1;
    stream
      .on("data", (chunk: Buffer) => {
        if (this.#failure !== null) return;
        sizeBytes += chunk.length;
        chunks.push(chunk);
        if (fileName === null && sizeBytes > formFieldSizeBytes) {
          this.#fail(badForm(`has more than ${formFieldSizeBytes} bytes.`, name));
        }
      })
      .on("end", () => {
        this.#openParts -= 1;
      })
      .on("error", () => this.#fail(badForm("breaks off before its end.", name)));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }
}

function createParser(request: IncomingMessage, limits: FormLimits): BusboyInstance {
  try {
    return new Busboy({
      headers: request.headers as BusboyHeaders,
      // Plain fields come as bytes too: what is no UTF-8 must not be mended in silence.
      isPartAFile: () => true,
      limits: { parts: limits.formPartCount, headerPairs: maxHeaderPairs },
    });
  } catch {
    throw badForm("its Content-Type names no boundary.");
  }
}
