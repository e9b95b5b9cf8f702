export interface ClusterLogger {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface GatewayClusterOptions {
  readonly host: string;
  /** 0 draws a free one. */
  readonly port: number;
  readonly workerCount: number;
  /** How long workers have to end once they are asked to; then they are killed. */
  readonly drainTimeoutMs: number;
  readonly logger: ClusterLogger;
  readonly signal: AbortSignal;
}
