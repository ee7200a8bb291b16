/** gRPC over connections that somebody else made, and the messages that are spoken over them. */

export { type ClientCall, GrpcClient } from './client.ts';
export {
  type Bounds,
  type Codec,
  codec,
  type NameOf,
  type ReadOf,
  type SentOf,
  type Table,
} from './codec.ts';
export { goMode, goModeOf, goPermissions, hasMode, unixPermissions } from './go-mode.ts';
export {
  type BuildKitClient,
  buildkit,
  type Call,
  decode,
  encode,
  type Message,
  type MessageName,
  method,
  packetType,
  type Sent,
  timestamp,
  unary,
} from './messages.ts';
export { type CallOf, GrpcServer, type Method, methodsFor } from './server.ts';
export { GrpcError } from './status.ts';
