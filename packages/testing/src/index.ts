export { EtcdServer } from "./services/etcd-server.ts";
export { findProgram } from "./services/find-program.ts";
export { freePort } from "./services/free-port.ts";
export { NatsServer } from "./services/nats-server.ts";
