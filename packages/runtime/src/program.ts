// `@dyn/runtime/program`: the life of a process alone, for programs that join no deployment and should start at once.
export {
  exitCodes,
  type ProgramOptions,
  type ReadyMessage,
  type RunningProgram,
  runProgram,
  type SoMessage,
  type UntilMessage,
} from "./program/run-program.ts";
