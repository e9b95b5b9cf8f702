export { EtcdServer } from "./services/etcd-server.ts";
export { FakeKubeApi } from "./services/fake-kube-api.ts";
export { findProgram } from "./services/find-program.ts";
export { freePort } from "./services/free-port.ts";
export { NatsServer } from "./services/nats-server.ts";
