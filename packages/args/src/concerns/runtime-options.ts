import { z } from "zod";
import { option } from "../option/option-meta.ts";

const discovery = "Discovery";
const planes = "Planes";
const tls = "TLS between processes";
const etcd = "etcd";
const nats = "NATS";

const path = (description: string, env: string) =>
  option(description, z.string().optional(), {
    env,
    group: tls,
    placeholder: "FILE",
    hidden: true,
  });

const kube = (env: string) => ({ env, envOnly: true, group: discovery }) as const;
const natsSecret = (env: string) => ({ env, envOnly: true, secret: true, group: nats }) as const;

/** How a process finds and reaches the others: the same for workers and frontends. */
export const runtimeOptions = z.object({
  discoveryBackend: option(
    "Where processes find each other; mem works inside one process, file on one machine.",
    z.enum(["kubernetes", "etcd", "file", "mem"]).default("etcd"),
    {
      env: "DYN_DISCOVERY_BACKEND",
      oldNames: ["store-kv"],
      oldEnv: ["DYN_KV_STORE"],
      group: discovery,
    },
  ),
  inhibitedDurationSecs: option(
    "Seconds that an instance which failed is left out while there are others; 0: not at all.",
    z.number().min(0).default(5),
    { env: "DYN_RUNTIME_INHIBITED_DURATION_SECS", envOnly: true, group: discovery },
  ),
  fileKv: option(
    "Folder of the file discovery backend; without it dynamo_store_kv in the folder for temporary files.",
    z.string().optional(),
    { env: "DYN_FILE_KV", envOnly: true, group: discovery },
  ),
  kubeDiscoveryMode: option(
    "Whether a Kubernetes instance is a pod or a container.",
    z.enum(["pod", "container"]).default("pod"),
    { env: "DYN_KUBE_DISCOVERY_MODE", envOnly: true, group: discovery },
  ),
  kubePodName: option(
    "Name of the pod this process runs in.",
    z.string().optional(),
    kube("POD_NAME"),
  ),
  kubePodUid: option("Uid of that pod.", z.string().optional(), kube("POD_UID")),
  kubePodNamespace: option(
    "Kubernetes namespace of that pod.",
    z.string().default("default"),
    kube("POD_NAMESPACE"),
  ),
  kubeContainerName: option(
    "Name of this process's container, needed where an instance is a container.",
    z.string().optional(),
    kube("CONTAINER_NAME"),
  ),
  kubeServiceHost: option(
    "Address of the Kubernetes API; a pod has it set.",
    z.string().optional(),
    kube("KUBERNETES_SERVICE_HOST"),
  ),
  kubeServicePort: option(
    "Port of the Kubernetes API.",
    z.number().int().min(1).max(65_535).default(443),
    kube("KUBERNETES_SERVICE_PORT"),
  ),
  requestPlane: option("How requests reach a worker.", z.enum(["tcp", "nats"]).default("tcp"), {
    env: "DYN_REQUEST_PLANE",
    group: planes,
    retiredValues: {
      http: "The request plane over HTTP is retired: use tcp, which needs no server either.",
    },
  }),
  responsePlane: option(
    "How answers come back; the same for workers and frontends.",
    z.enum(["tcp", "quic"]).default("tcp"),
    { env: "DYN_RESPONSE_PLANE", group: planes },
  ),
  responseMux: option(
    "Answers between our own processes share one connection per pair; off: one connection per answer, as with real Dynamo.",
    z.boolean().default(true),
    { env: "DYN_RESPONSE_MUX", envOnly: true, group: planes },
  ),
  requestPlaneCodec: option(
    "How callers of this process write requests and read answers.",
    z.enum(["json", "msgpack"]).default("msgpack"),
    { env: "DYN_REQUEST_PLANE_CODEC", envOnly: true, group: planes },
  ),
  tcpRpcHost: option(
    "Address for requests that this process gives others; without it the machine's own, and loopback with file discovery. Loopback is listened on alone, any other address on all interfaces.",
    z.string().optional(),
    { env: "DYN_TCP_RPC_HOST", envOnly: true, group: planes },
  ),
  tcpRpcPort: option(
    "Port for requests; 0 is any free one.",
    z.number().int().min(0).max(65_535).default(0),
    { env: "DYN_TCP_RPC_PORT", envOnly: true, group: planes },
  ),
  tcpResponseStreamHost: option(
    "Address for answers that this process gives workers; without it the one for requests.",
    z.string().optional(),
    { env: "DYN_TCP_RESPONSE_STREAM_HOST", envOnly: true, group: planes },
  ),
  tcpResponseStreamPort: option(
    "Port for answers; 0 is any free one.",
    z.number().int().min(0).max(65_535).default(0),
    { env: "DYN_TCP_RESPONSE_STREAM_PORT", envOnly: true, group: planes },
  ),
  tcpMaxMessageSize: option(
    "Bytes that one request may have.",
    z
      .number()
      .int()
      .min(1)
      .max(0xffff_ffff)
      .default(32 * 1024 * 1024),
    { env: "DYN_TCP_MAX_MESSAGE_SIZE", envOnly: true, group: planes },
  ),
  tcpRequestTimeout: option(
    "Seconds until a worker must have acknowledged a request.",
    z.number().gt(0).default(5),
    { env: "DYN_TCP_REQUEST_TIMEOUT", envOnly: true, group: planes },
  ),
  tcpConnectTimeout: option(
    "Seconds until another process must have accepted a connection.",
    z.number().gt(0).default(3),
    { env: "DYN_TCP_CONNECT_TIMEOUT", envOnly: true, group: planes },
  ),
  peerTimeout: option(
    "Seconds without a word after which a process is taken for gone: a frontend goes on elsewhere with what it had at such a worker, prefill and decode engines close the rooms they share. Asked every second; time that the asking process gets no CPU does not count.",
    z.number().min(2).max(3_600).default(5),
    { env: "DYN_PEER_TIMEOUT_SECS", envOnly: true, group: planes },
  ),
  eventPlane: option(
    "How KV events and load reports travel; zmq when not set.",
    z.enum(["nats", "zmq"]).optional(),
    { env: "DYN_EVENT_PLANE", group: planes },
  ),
  eventPlaneHost: option(
    "Address that this process's event publishers give others; without it the machine's own.",
    z.string().optional(),
    { env: "DYN_EVENT_PLANE_HOST", envOnly: true, group: planes },
  ),
  natsServer: option("Addresses of NATS.", z.array(z.string()).default(["nats://localhost:4222"]), {
    env: "NATS_SERVER",
    envOnly: true,
    list: "comma",
    group: nats,
  }),
  natsAuthUsername: option(
    "User for NATS; user with the password user when nothing is set.",
    z.string().optional(),
    { env: "NATS_AUTH_USERNAME", envOnly: true, group: nats },
  ),
  natsAuthPassword: option(
    "Password for NATS.",
    z.string().optional(),
    natsSecret("NATS_AUTH_PASSWORD"),
  ),
  natsAuthToken: option("Token for NATS.", z.string().optional(), natsSecret("NATS_AUTH_TOKEN")),
  natsAuthNkey: option(
    "Seed of an nkey for NATS.",
    z.string().optional(),
    natsSecret("NATS_AUTH_NKEY"),
  ),
  natsAuthCredentialsFile: option("Credentials file for NATS.", z.string().optional(), {
    env: "NATS_AUTH_CREDENTIALS_FILE",
    envOnly: true,
    group: nats,
  }),
  natsRequestTimeoutSecs: option(
    "Seconds that a worker may take to accept a request over NATS.",
    z.number().gt(0).default(10),
    { env: "DYN_NATS_REQUEST_TIMEOUT_SECS", envOnly: true, group: nats },
  ),
  etcdEndpoints: option(
    "Addresses of etcd.",
    z.array(z.string()).default(["http://localhost:2379"]),
    { env: "ETCD_ENDPOINTS", envOnly: true, list: "comma", group: etcd },
  ),
  etcdLeaseTtl: option(
    "Seconds until the entries of a dead process vanish from etcd; without it the driver decides.",
    z.number().int().min(1).optional(),
    { env: "ETCD_LEASE_TTL", envOnly: true, group: etcd },
  ),
  etcdAuthUsername: option("User for etcd.", z.string().optional(), {
    env: "ETCD_AUTH_USERNAME",
    envOnly: true,
    group: etcd,
  }),
  etcdAuthPassword: option("Password for etcd.", z.string().optional(), {
    env: "ETCD_AUTH_PASSWORD",
    envOnly: true,
    secret: true,
    group: etcd,
  }),
  etcdAuthCa: option("Certificate authority of etcd, a PEM file.", z.string().optional(), {
    env: "ETCD_AUTH_CA",
    envOnly: true,
    group: etcd,
  }),
  etcdAuthClientCert: option("Client certificate for etcd, a PEM file.", z.string().optional(), {
    env: "ETCD_AUTH_CLIENT_CERT",
    envOnly: true,
    group: etcd,
  }),
  etcdAuthClientKey: option("Client key for etcd, a PEM file.", z.string().optional(), {
    env: "ETCD_AUTH_CLIENT_KEY",
    envOnly: true,
    group: etcd,
  }),
  tcpTlsCertPath: path(
    "Server certificate of the request and response plane.",
    "DYN_TCP_TLS_CERT_PATH",
  ),
  tcpTlsKeyPath: path("Server key of the request and response plane.", "DYN_TCP_TLS_KEY_PATH"),
  tcpTlsCaCertPath: path("Authority that servers must be signed by.", "DYN_TCP_TLS_CA_CERT_PATH"),
  tcpTlsServerName: option("Name that a server's certificate must have.", z.string().optional(), {
    env: "DYN_TCP_TLS_SERVER_NAME",
    group: tls,
    hidden: true,
  }),
  tcpTlsClientCertPath: path("Certificate shown as a client.", "DYN_TCP_TLS_CLIENT_CERT_PATH"),
  tcpTlsClientKeyPath: path("Key of the client certificate.", "DYN_TCP_TLS_CLIENT_KEY_PATH"),
  tcpTlsClientCaCertPath: path(
    "Authority that clients must be signed by; turns on mutual TLS.",
    "DYN_TCP_TLS_CLIENT_CA_CERT_PATH",
  ),
  tcpTlsInsecure: option("Accept any server certificate.", z.boolean().default(false), {
    env: "DYN_TCP_TLS_INSECURE",
    group: tls,
    hidden: true,
  }),
  tcpTlsHandshakeTimeout: option(
    "Seconds for a TLS handshake; 3 when not set.",
    z.number().gt(0).optional(),
    { env: "DYN_TCP_TLS_HANDSHAKE_TIMEOUT_SECS", group: tls, placeholder: "SECONDS", hidden: true },
  ),
  natsTlsCaCertPath: path("Authority that NATS must be signed by.", "NATS_TLS_CA_CERT_PATH"),
  natsTlsInsecure: option("Accept any certificate from NATS.", z.boolean().default(false), {
    env: "NATS_TLS_INSECURE",
    group: tls,
    hidden: true,
  }),
  natsTlsClientCertPath: path("Certificate shown to NATS.", "NATS_TLS_CLIENT_CERT_PATH"),
  natsTlsClientKeyPath: path("Key of the certificate shown to NATS.", "NATS_TLS_CLIENT_KEY_PATH"),
});
