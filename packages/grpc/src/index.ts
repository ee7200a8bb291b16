/** gRPC over connections that somebody else made, and the messages that are spoken over them. */

export { type Codec, codec, type NameOf, type ReadOf, type SentOf, type Table } from './codec.ts';
export { goMode, goModeOf, goPermissions, hasMode, unixPermissions } from './go-mode.ts';
export {
  type CallOf,
  type ClientCall,
  GrpcClient,
  GrpcError,
  GrpcServer,
  type Method,
  methodsFor,
} from './grpc.ts';
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
