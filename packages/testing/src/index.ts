export { EtcdServer } from "./services/etcd-server.ts";
export { FakeKubeApi } from "./services/fake-kube-api.ts";
export { FaultProxy, type Target } from "./services/fault-proxy.ts";
export { findProgram } from "./services/find-program.ts";
export { freePort } from "./services/free-port.ts";
export { NatsServer } from "./services/nats-server.ts";
export { mountSmallDisk, type SmallDisk } from "./services/small-disk.ts";
export { createTestCertificates, type TestCertificates } from "./services/test-certificates.ts";
