import protobuf from 'protobufjs';

/**
 * The wire messages of BuildKit's control, gateway and session services that this daemon speaks, field numbers as in
 * moby/buildkit's API; what we never read or write is left out (protobuf skips unknown fields).
 */
const definitions = `
syntax = "proto3";
message Empty {}
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message Any { string type_url = 1; bytes value = 2; }
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
message BytesMessage { bytes data = 1; }

message Platform { string Architecture = 1; string OS = 2; string Variant = 3; string OSVersion = 4; repeated string OSFeatures = 5; }
message Definition { repeated bytes def = 1; }
message BuildkitVersion { string package = 1; string version = 2; string revision = 3; }
message GCPolicy { bool all = 1; int64 keepDuration = 2; int64 keepBytes = 3; repeated string filters = 4; }
message WorkerRecord { string ID = 1; map<string, string> Labels = 2; repeated Platform platforms = 3; repeated GCPolicy GCPolicy = 4; BuildkitVersion BuildkitVersion = 5; }
message ListWorkersRequest { repeated string filter = 1; }
message ListWorkersResponse { repeated WorkerRecord record = 1; }
message InfoResponse { BuildkitVersion buildkitVersion = 1; }

message UsageRecord { string ID = 1; bool Mutable = 2; bool InUse = 3; int64 Size = 4; string Parent = 5; Timestamp CreatedAt = 6; Timestamp LastUsedAt = 7; int64 UsageCount = 8; string Description = 9; string RecordType = 10; bool Shared = 11; repeated string Parents = 12; }
message DiskUsageRequest { repeated string filter = 1; }
message DiskUsageResponse { repeated UsageRecord record = 1; }
message PruneRequest { repeated string filter = 1; bool all = 2; int64 keepDuration = 3; int64 keepBytes = 4; int64 maxUsedSpace = 5; int64 minFreeSpace = 6; }

message Exporter { string Type = 1; map<string, string> Attrs = 2; }
message CacheOptionsEntry { string Type = 1; map<string, string> Attrs = 2; }
message CacheOptions { repeated CacheOptionsEntry Exports = 4; repeated CacheOptionsEntry Imports = 5; }
message SolveRequest { string Ref = 1; Definition Definition = 2; string ExporterDeprecated = 3; map<string, string> ExporterAttrsDeprecated = 4; string Session = 5; string Frontend = 6; map<string, string> FrontendAttrs = 7; CacheOptions Cache = 8; repeated string Entitlements = 9; map<string, Definition> FrontendInputs = 10; bool Internal = 11; repeated Exporter Exporters = 13; }
message SolveResponse { map<string, string> ExporterResponse = 1; }
message StatusRequest { string Ref = 1; }
message Vertex { string digest = 1; repeated string inputs = 2; string name = 3; bool cached = 4; Timestamp started = 5; Timestamp completed = 6; string error = 7; }
message VertexStatus { string ID = 1; string vertex = 2; string name = 3; int64 current = 4; int64 total = 5; Timestamp timestamp = 6; Timestamp started = 7; Timestamp completed = 8; }
message VertexLog { string vertex = 1; Timestamp timestamp = 2; int64 stream = 3; bytes msg = 4; }
message VertexWarning { string vertex = 1; int64 level = 2; bytes short = 3; repeated bytes detail = 4; string url = 5; }
message StatusResponse { repeated Vertex vertexes = 1; repeated VertexStatus statuses = 2; repeated VertexLog logs = 3; repeated VertexWarning warnings = 4; }
message BuildHistoryRecord { string Ref = 1; string Frontend = 2; map<string, string> FrontendAttrs = 3; Timestamp CreatedAt = 6; Timestamp CompletedAt = 7; }
message BuildHistoryRequest { bool ActiveOnly = 1; string Ref = 2; bool EarlyExit = 3; }
message BuildHistoryEvent { int32 type = 1; BuildHistoryRecord record = 2; }

message APICap { string ID = 1; bool Enabled = 2; }
message PongResponse { repeated APICap FrontendAPICaps = 1; repeated APICap LLBCaps = 2; repeated WorkerRecord Workers = 3; }
message Ref { string id = 1; Definition def = 2; }
message RefMap { map<string, Ref> refs = 1; }
message Result { oneof result { string refDeprecated = 1; Ref ref = 3; RefMap refs = 4; } map<string, bytes> metadata = 10; }
message GatewaySolveRequest { Definition Definition = 1; string Frontend = 2; map<string, string> FrontendOpt = 3; bool allowResultReturn = 5; bool allowResultArrayRef = 6; bool Final = 10; bytes ExporterAttr = 11; repeated CacheOptionsEntry CacheImports = 12; map<string, Definition> FrontendInputs = 13; bool Evaluate = 14; }
message GatewaySolveResponse { string ref = 1; Result result = 3; }
message ReturnRequest { Result result = 1; Status error = 2; }
message ResolveImageConfigRequest { string Ref = 1; Platform Platform = 2; string ResolveMode = 3; string LogName = 4; }
message ResolveImageConfigResponse { string Digest = 1; bytes Config = 2; string Ref = 3; }
message InputsResponse { map<string, Definition> Definitions = 1; }

message Stat { string path = 1; uint32 mode = 2; uint32 uid = 3; uint32 gid = 4; int64 size = 5; int64 modTime = 6; string linkname = 7; int64 devmajor = 8; int64 devminor = 9; map<string, bytes> xattrs = 10; }
message Packet { int32 type = 1; Stat stat = 2; uint32 ID = 3; bytes data = 4; }

message CredentialsRequest { string Host = 1; }
message CredentialsResponse { string Username = 1; string Secret = 2; }
message CheckAgentRequest { string ID = 1; }
message GetSecretRequest { string ID = 1; map<string, string> annotations = 2; }
message GetSecretResponse { bytes data = 1; }
message HealthCheckResponse { int32 status = 1; }
`;

const root = protobuf.parse(definitions, { keepCase: true }).root;

// biome-ignore lint/suspicious/noExplicitAny: the shapes stand in the definitions above
export type Message = Record<string, any>;

/** The values of `Packet.type` in BuildKit's file protocol (fsutil). */
export const packetType = { stat: 0, request: 1, data: 2, fin: 3, error: 4 } as const;

/** The bytes of a message of that name. */
export function encode(name: string, value: Message): Buffer {
  const type = root.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(value)).finish());
}

/** A message's fields; absent ones have their zero value, 64-bit numbers are numbers. @throws Error for malformed bytes. */
export function decode(name: string, bytes: Uint8Array): Message {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), {
    longs: Number,
    defaults: true,
    arrays: true,
    objects: true,
    oneofs: true,
    bytes: Buffer,
  });
}

/** A point in time as protobuf's Timestamp. */
export function timestamp(milliseconds: number): Message {
  return { seconds: Math.floor(milliseconds / 1000), nanos: Math.round((milliseconds % 1000) * 1e6) };
}
