// Loaded before a program (--import): its outgoing TCP connections to this machine go through the proxy of
// DYN_CHAOS_PROXY, which is told where they lead. Those to the ports of DYN_CHAOS_DIRECT do not.
import { Socket } from "node:net";

const proxyPort = Number(process.env.DYN_CHAOS_PROXY);
const direct = new Set((process.env.DYN_CHAOS_DIRECT ?? "").split(",").map(Number));
const connect = Socket.prototype.connect;

Socket.prototype.connect = function (...args) {
  // net.connect() hands over [options, callback] as one argument.
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  const port = Number(options?.port);
  if (!(port > 0) || direct.has(port)) return connect.apply(this, args);
  const target = `${options.host ?? "127.0.0.1"} ${port}\n`;
  options.host = "127.0.0.1";
  options.port = proxyPort;
  const socket = connect.apply(this, args);
  socket.write(target);
  return socket;
};
