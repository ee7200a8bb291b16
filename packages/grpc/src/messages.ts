import type { GrpcClient } from './client.ts';
import { codec, type NameOf, type ReadOf, type SentOf } from './codec.ts';
import { type CallOf, methodsFor } from './server.ts';

/**
 * The messages of BuildKit's control, gateway and session services that this daemon speaks, field numbers as in
 * moby/buildkit's API; members that are never read or written are left out (protobuf skips unknown fields).
 */
const definitions = {
  Empty: {},
  Timestamp: { seconds: '1 int64', nanos: '2 int32' },
  Any: { type_url: '1 string', value: '2 bytes' },
  Status: { code: '1 int32', message: '2 string', details: '3 repeated Any' },
  BytesMessage: { data: '1 bytes' },

  Platform: {
    Architecture: '1 string',
    OS: '2 string',
    Variant: '3 string',
    OSVersion: '4 string',
    OSFeatures: '5 repeated string',
  },
  Definition: { def: '1 repeated bytes' },
  BuildkitVersion: { package: '1 string', version: '2 string', revision: '3 string' },
  GCPolicy: { all: '1 bool', keepDuration: '2 int64', keepBytes: '3 int64', filters: '4 repeated string' },
  WorkerRecord: {
    ID: '1 string',
    Labels: '2 map string',
    platforms: '3 repeated Platform',
    GCPolicy: '4 repeated GCPolicy',
    BuildkitVersion: '5 BuildkitVersion',
  },
  ListWorkersRequest: { filter: '1 repeated string' },
  ListWorkersResponse: { record: '1 repeated WorkerRecord' },
  InfoResponse: { buildkitVersion: '1 BuildkitVersion' },

  UsageRecord: {
    ID: '1 string',
    Mutable: '2 bool',
    InUse: '3 bool',
    Size: '4 int64',
    Parent: '5 string',
    CreatedAt: '6 Timestamp',
    LastUsedAt: '7 Timestamp',
    UsageCount: '8 int64',
    Description: '9 string',
    RecordType: '10 string',
    Shared: '11 bool',
    Parents: '12 repeated string',
  },
  DiskUsageRequest: { filter: '1 repeated string' },
  DiskUsageResponse: { record: '1 repeated UsageRecord' },
  PruneRequest: {
    filter: '1 repeated string',
    all: '2 bool',
    keepDuration: '3 int64',
    keepBytes: '4 int64',
    maxUsedSpace: '5 int64',
    minFreeSpace: '6 int64',
  },

  Exporter: { Type: '1 string', Attrs: '2 map string' },
  CacheOptionsEntry: { Type: '1 string', Attrs: '2 map string' },
  CacheOptions: { Exports: '4 repeated CacheOptionsEntry', Imports: '5 repeated CacheOptionsEntry' },
  SolveRequest: {
    Ref: '1 string',
    Definition: '2 Definition',
    ExporterDeprecated: '3 string',
    ExporterAttrsDeprecated: '4 map string',
    Session: '5 string',
    Frontend: '6 string',
    FrontendAttrs: '7 map string',
    Cache: '8 CacheOptions',
    Entitlements: '9 repeated string',
    FrontendInputs: '10 map Definition',
    Internal: '11 bool',
    Exporters: '13 repeated Exporter',
  },
  SolveResponse: { ExporterResponse: '1 map string' },
  StatusRequest: { Ref: '1 string' },
  Vertex: {
    digest: '1 string',
    inputs: '2 repeated string',
    name: '3 string',
    cached: '4 bool',
    started: '5 Timestamp',
    completed: '6 Timestamp',
    error: '7 string',
  },
  VertexStatus: {
    ID: '1 string',
    vertex: '2 string',
    name: '3 string',
    current: '4 int64',
    total: '5 int64',
    timestamp: '6 Timestamp',
    started: '7 Timestamp',
    completed: '8 Timestamp',
  },
  VertexLog: { vertex: '1 string', timestamp: '2 Timestamp', stream: '3 int64', msg: '4 bytes' },
  VertexWarning: {
    vertex: '1 string',
    level: '2 int64',
    short: '3 bytes',
    detail: '4 repeated bytes',
    url: '5 string',
  },
  StatusResponse: {
    vertexes: '1 repeated Vertex',
    statuses: '2 repeated VertexStatus',
    logs: '3 repeated VertexLog',
    warnings: '4 repeated VertexWarning',
  },
  BuildHistoryRecord: {
    Ref: '1 string',
    Frontend: '2 string',
    FrontendAttrs: '3 map string',
    Exporters: '4 repeated Exporter',
    error: '5 Status',
    CreatedAt: '6 Timestamp',
    CompletedAt: '7 Timestamp',
    logs: '8 Descriptor',
    ExporterResponse: '9 map string',
    Result: '10 BuildResultInfo',
    Results: '11 map BuildResultInfo',
    Generation: '12 int32',
    pinned: '14 bool',
    numCachedSteps: '15 int32',
    numTotalSteps: '16 int32',
    numCompletedSteps: '17 int32',
    externalError: '18 Descriptor',
    numWarnings: '19 int32',
  },
  Descriptor: { media_type: '1 string', digest: '2 string', size: '3 int64', annotations: '5 map string' },
  BuildResultInfo: { ResultDeprecated: '1 Descriptor', Attestations: '2 repeated Descriptor' },
  BuildHistoryRequest: {
    ActiveOnly: '1 bool',
    Ref: '2 string',
    EarlyExit: '3 bool',
    Filter: '4 repeated string',
    Limit: '5 int32',
  },
  UpdateBuildHistoryRequest: { Ref: '1 string', Pinned: '2 bool', Delete: '3 bool', Finalize: '4 bool' },
  BuildHistoryEvent: { type: '1 int32', record: '2 BuildHistoryRecord' },

  APICap: { ID: '1 string', Enabled: '2 bool' },
  PongResponse: {
    FrontendAPICaps: '1 repeated APICap',
    LLBCaps: '2 repeated APICap',
    Workers: '3 repeated WorkerRecord',
  },
  Ref: { id: '1 string', def: '2 Definition' },
  RefMap: { refs: '1 map Ref' },
  Result: {
    refDeprecated: '1 oneof string',
    ref: '3 oneof Ref',
    refs: '4 oneof RefMap',
    metadata: '10 map bytes',
  },
  GatewaySolveRequest: {
    Definition: '1 Definition',
    Frontend: '2 string',
    FrontendOpt: '3 map string',
    allowResultReturn: '5 bool',
    allowResultArrayRef: '6 bool',
    Final: '10 bool',
    ExporterAttr: '11 bytes',
    CacheImports: '12 repeated CacheOptionsEntry',
    FrontendInputs: '13 map Definition',
    Evaluate: '14 bool',
  },
  GatewaySolveResponse: { ref: '1 string', result: '3 Result' },
  ReturnRequest: { result: '1 Result', error: '2 Status' },
  ResolveImageConfigRequest: {
    Ref: '1 string',
    Platform: '2 Platform',
    ResolveMode: '3 string',
    LogName: '4 string',
  },
  ResolveImageConfigResponse: { Digest: '1 string', Config: '2 bytes', Ref: '3 string' },
  InputsResponse: { Definitions: '1 map Definition' },

  Stat: {
    path: '1 string',
    mode: '2 uint32',
    uid: '3 uint32',
    gid: '4 uint32',
    size: '5 int64',
    modTime: '6 int64',
    linkname: '7 string',
    devmajor: '8 int64',
    devminor: '9 int64',
    xattrs: '10 map bytes',
  },
  Packet: { type: '1 int32', stat: '2 Stat', ID: '3 uint32', data: '4 bytes' },

  CredentialsRequest: { Host: '1 string' },
  CredentialsResponse: { Username: '1 string', Secret: '2 string' },
  CheckAgentRequest: { ID: '1 string' },
  GetSecretRequest: { ID: '1 string', annotations: '2 map string' },
  GetSecretResponse: { data: '1 bytes' },
  HealthCheckResponse: { status: '1 int32' },

  // containerd's content service: blobs of a client's folder, and those of finished builds.
  ContentInfo: { digest: '1 string', size: '2 int64' },
  ContentInfoRequest: { digest: '1 string' },
  ContentInfoResponse: { info: '1 ContentInfo' },
  ReadContentRequest: { digest: '1 string', offset: '2 int64', size: '3 int64' },
  ReadContentResponse: { offset: '1 int64', data: '2 bytes' },
  WriteContentRequest: {
    action: '1 int32',
    ref: '2 string',
    total: '3 int64',
    expected: '4 string',
    offset: '5 int64',
    data: '6 bytes',
  },
  WriteContentResponse: { action: '1 int32', offset: '4 int64', total: '5 int64', digest: '6 string' },
} as const;

/** The codec of BuildKit's messages. */
export const buildkit = codec(definitions);
export const { encode, decode } = buildkit;
export const { method, unary } = methodsFor(buildkit);

export type MessageName = NameOf<typeof definitions>;
/** A message of BuildKit's as it is read. */
export type Message<Name extends MessageName> = ReadOf<typeof definitions, Name>;
/** A message of BuildKit's as it may be sent. */
export type Sent<Name extends MessageName> = SentOf<typeof definitions, Name>;
/** A call of one of BuildKit's methods, by the names of its messages. */
export type Call<
  Request extends MessageName = MessageName,
  Response extends MessageName = MessageName,
> = CallOf<Message<Request>, Sent<Response>>;

/** A client of BuildKit's services. */
export type BuildKitClient = GrpcClient<typeof definitions>;

/** The values of `Packet.type` in BuildKit's file protocol (fsutil). */
export const packetType = { stat: 0, request: 1, data: 2, fin: 3, error: 4 } as const;

/** A point in time as protobuf's Timestamp. */
export function timestamp(milliseconds: number): Message<'Timestamp'> {
  return { seconds: Math.floor(milliseconds / 1000), nanos: Math.round((milliseconds % 1000) * 1e6) };
}
