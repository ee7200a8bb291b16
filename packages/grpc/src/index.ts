/** gRPC over connections that somebody else made, and the messages that are spoken over them. */

export { goMode, goModeOf, goPermissions, hasMode, unixPermissions } from './go-mode.ts';
export {
  type Call,
  type ClientCall,
  GrpcClient,
  GrpcError,
  GrpcServer,
  type Method,
  method,
  unary,
} from './grpc.ts';
export {
  decode,
  encode,
  type Message,
  type MessageName,
  packetType,
  type Sent,
  timestamp,
} from './messages.ts';
