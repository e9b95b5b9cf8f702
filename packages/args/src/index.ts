export { ArgsError, type ArgsErrorKind } from "./args-error.ts";
export type {
  Command,
  CommandSources,
  CommandValues,
  Concerns,
  PrintArgs,
  RunArgs,
  ValueSource,
} from "./command/command.ts";
export { defineCommand } from "./command/define-command.ts";
export { conflictError, deriveValue, isGiven, nameOption } from "./command/derive-value.ts";
export {
  type RefusalReasons,
  refuseUnsupported,
  type SupportedOptions,
} from "./command/refuse-unsupported.ts";
export {
  type FrontendArgs,
  type FrontendConcerns,
  frontendCommand,
  parseFrontendArgs,
} from "./commands/frontend-command.ts";
export {
  type IndexerArgs,
  type IndexerConcerns,
  indexerCommand,
  parseIndexerArgs,
} from "./commands/indexer-command.ts";
export {
  type LaunchArgs,
  type LaunchConcerns,
  launchCommand,
  parseLaunchArgs,
} from "./commands/launch-command.ts";
export {
  parseWorkerArgs,
  type WorkerArgs,
  type WorkerDerived,
  type WorkerParseOptions,
} from "./commands/parse-worker-args.ts";
export {
  parseRouterArgs,
  type RouterArgs,
  type RouterConcerns,
  routerCommand,
} from "./commands/router-command.ts";
export { type WorkerConcerns, workerCommand } from "./commands/worker-command.ts";
export { type EndpointName, parseEndpointName } from "./commands/worker-endpoint.ts";
export type { ServingMode, WorkerType } from "./commands/worker-type.ts";
export { doorOptions } from "./concerns/door-options.ts";
export { engineOptions } from "./concerns/engine-options.ts";
export { frontendOptions } from "./concerns/frontend-options.ts";
export { httpOptions } from "./concerns/http-options.ts";
export { launchOptions } from "./concerns/launch-options.ts";
export { mockOptions } from "./concerns/mock-options.ts";
export { processOptions } from "./concerns/process-options.ts";
export { routerAdvertisementOptions, routerOptions } from "./concerns/router-options.ts";
export { runtimeOptions } from "./concerns/runtime-options.ts";
export { systemOptions } from "./concerns/system-options.ts";
export { workerOptions } from "./concerns/worker-options.ts";
export type { FlagArity, NativeFlag } from "./native/native-flag.ts";
export { noMedia } from "./native/no-media.ts";
export { type OptionMeta, option } from "./option/option-meta.ts";
export type { ReadFile } from "./parse/config-file.ts";
export type { Environment } from "./parse/env-layer.ts";
export { loadYaml } from "./parse/load-yaml.ts";
export { type ParseOptions, type Preset, parseArgs } from "./parse/parse-args.ts";
export { type PolicyFileOptions, readPolicyFile } from "./parse/read-policy-file.ts";
export { type CommandJsonSchema, commandToJsonSchema } from "./print/command-to-json-schema.ts";
export { commandToMarkdown } from "./print/command-to-markdown.ts";
export { type ConfigDump, createConfigDump, writeConfigDump } from "./print/config-dump.ts";
export { explainConfig } from "./print/explain-config.ts";
export { helpText } from "./print/help-text.ts";
export { presetToArgv } from "./print/preset-to-argv.ts";
export { sectionsToJsonSchema } from "./print/sections-to-json-schema.ts";
