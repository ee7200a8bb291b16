import { type GoField, type GoType, Typed } from '@berth/templates/value.ts';

/**
 * The Go types of what Docker's client inspects: a template may name a member that the daemon left out because it is
 * empty, and print a structure whole. One line a type: its name, then `member type`, with the JSON name after a colon
 * where it differs.
 */
const declarations = `
types.ContainerJSON: ID:Id string, Created string, Path string, Args []string, State *types.ContainerState, Image string, ResolvConfPath string, HostnamePath string, HostsPath string, LogPath string, Name string, RestartCount int, Driver string, Platform string, MountLabel string, ProcessLabel string, AppArmorProfile string, ExecIDs []string, HostConfig *container.HostConfig, GraphDriver types.GraphDriverData, SizeRw *int, SizeRootFs *int, Mounts []types.MountPoint, Config *container.Config, NetworkSettings *types.NetworkSettings
types.ContainerState: Status string, Running bool, Paused bool, Restarting bool, OOMKilled bool, Dead bool, Pid int, ExitCode int, Error string, StartedAt string, FinishedAt string, Health *types.Health
types.Health: Status string, FailingStreak int, Log []*types.HealthcheckResult
types.HealthcheckResult: Start time, End time, ExitCode int, Output string
types.GraphDriverData: Data map[]string, Name string
types.MountPoint: Type string, Name string, Source string, Destination string, Driver string, Mode string, RW bool, Propagation string
types.NetworkSettings: Bridge string, SandboxID string, SandboxKey string, Ports map[][]nat.PortBinding, HairpinMode bool, LinkLocalIPv6Address string, LinkLocalIPv6PrefixLen int, SecondaryIPAddresses []network.Address, SecondaryIPv6Addresses []network.Address, EndpointID string, Gateway string, GlobalIPv6Address string, GlobalIPv6PrefixLen int, IPAddress string, IPPrefixLen int, IPv6Gateway string, MacAddress string, Networks map[]*network.EndpointSettings
network.Address: Addr string, PrefixLen int
nat.PortBinding: HostIP:HostIp string, HostPort string
network.EndpointSettings: IPAMConfig *network.EndpointIPAMConfig, Links []string, Aliases []string, MacAddress string, NetworkID string, EndpointID string, Gateway string, IPAddress string, IPPrefixLen int, IPv6Gateway string, GlobalIPv6Address string, GlobalIPv6PrefixLen int, DriverOpts map[]string, DNSNames []string
network.EndpointIPAMConfig: IPv4Address string, IPv6Address string, LinkLocalIPs []string
container.Config: Hostname string, Domainname string, User string, AttachStdin bool, AttachStdout bool, AttachStderr bool, ExposedPorts map[]empty, Tty bool, OpenStdin bool, StdinOnce bool, Env []string, Cmd []string, Healthcheck *container.HealthConfig, ArgsEscaped bool, Image string, Volumes map[]empty, WorkingDir string, Entrypoint []string, NetworkDisabled bool, MacAddress string, OnBuild []string, Labels map[]string, StopSignal string, StopTimeout *int, Shell []string
empty:
container.HealthConfig: Test []string, Interval duration, Timeout duration, StartPeriod duration, StartInterval duration, Retries int
container.HostConfig: Binds []string, ContainerIDFile string, LogConfig container.LogConfig, NetworkMode string, PortBindings map[][]nat.PortBinding, RestartPolicy container.RestartPolicy, AutoRemove bool, VolumeDriver string, VolumesFrom []string, ConsoleSize []int, Annotations map[]string, CapAdd []string, CapDrop []string, CgroupnsMode string, DNS:Dns []string, DNSOptions:DnsOptions []string, DNSSearch:DnsSearch []string, ExtraHosts []string, GroupAdd []string, IpcMode string, Cgroup string, Links []string, OomScoreAdj int, PidMode string, Privileged bool, PublishAllPorts bool, ReadonlyRootfs bool, SecurityOpt []string, StorageOpt map[]string, Tmpfs map[]string, UTSMode string, UsernsMode string, ShmSize int, Sysctls map[]string, Runtime string, Isolation string, CPUShares:CpuShares int, Memory int, NanoCPUs:NanoCpus int, CgroupParent string, BlkioWeight int, BlkioWeightDevice []*blkiodev.WeightDevice, BlkioDeviceReadBps []*blkiodev.ThrottleDevice, BlkioDeviceWriteBps []*blkiodev.ThrottleDevice, BlkioDeviceReadIOps []*blkiodev.ThrottleDevice, BlkioDeviceWriteIOps []*blkiodev.ThrottleDevice, CPUPeriod:CpuPeriod int, CPUQuota:CpuQuota int, CPURealtimePeriod:CpuRealtimePeriod int, CPURealtimeRuntime:CpuRealtimeRuntime int, CpusetCpus string, CpusetMems string, Devices []container.DeviceMapping, DeviceCgroupRules []string, DeviceRequests []container.DeviceRequest, KernelMemory int, KernelMemoryTCP int, MemoryReservation int, MemorySwap int, MemorySwappiness *int, OomKillDisable *bool, PidsLimit *int, Ulimits []*units.Ulimit, CPUCount:CpuCount int, CPUPercent:CpuPercent int, IOMaximumIOps int, IOMaximumBandwidth int, Mounts []mount.Mount, MaskedPaths []string, ReadonlyPaths []string, Init *bool
container.LogConfig: Type string, Config map[]string
container.RestartPolicy: Name string, MaximumRetryCount int
container.DeviceMapping: PathOnHost string, PathInContainer string, CgroupPermissions string
container.DeviceRequest: Driver string, Count int, DeviceIDs []string, Capabilities [][]string, Options map[]string
blkiodev.WeightDevice: Path string, Weight int
blkiodev.ThrottleDevice: Path string, Rate int
units.Ulimit: Name string, Hard int, Soft int
mount.Mount: Type string, Source string, Target string, ReadOnly bool, Consistency string, BindOptions *mount.BindOptions, VolumeOptions *mount.VolumeOptions, TmpfsOptions *mount.TmpfsOptions, ClusterOptions *empty
mount.BindOptions: Propagation string, NonRecursive bool, CreateMountpoint bool, ReadOnlyNonRecursive bool, ReadOnlyForceRecursive bool
mount.VolumeOptions: NoCopy bool, Labels map[]string, Subpath string, DriverConfig *mount.Driver
mount.Driver: Name string, Options map[]string
mount.TmpfsOptions: SizeBytes int, Mode int
types.ImageInspect: ID:Id string, RepoTags []string, RepoDigests []string, Parent string, Comment string, Created string, Container string, ContainerConfig *container.Config, DockerVersion string, Author string, Config *container.Config, Architecture string, Variant string, Os string, OsVersion string, Size int, VirtualSize int, GraphDriver types.GraphDriverData, RootFS types.RootFS, Metadata image.Metadata
types.RootFS: Type string, Layers []string
image.Metadata: LastTagTime time
types.NetworkResource: Name string, ID:Id string, Created time, Scope string, Driver string, EnableIPv6 bool, IPAM network.IPAM, Internal bool, Attachable bool, Ingress bool, ConfigFrom network.ConfigReference, ConfigOnly bool, Containers map[]types.EndpointResource, Options map[]string, Labels map[]string, Peers []empty, Services map[]empty
network.IPAM: Driver string, Options map[]string, Config []network.IPAMConfig
network.IPAMConfig: Subnet string, IPRange string, Gateway string, AuxAddress:AuxiliaryAddresses map[]string
network.ConfigReference: Network string
types.EndpointResource: Name string, EndpointID string, MacAddress string, IPv4Address string, IPv6Address string
volume.Volume: ClusterVolume *empty, CreatedAt string, Driver string, Labels map[]string, Mountpoint string, Name string, Options map[]string, Scope string, Status map[]any, UsageData *volume.UsageData
volume.UsageData: RefCount int, Size int
system.versionInfo: Client system.clientVersion, Server *types.Version
system.clientVersion: Platform *system.platformInfo, Version string, APIVersion:ApiVersion string, DefaultAPIVersion string, GitCommit string, GoVersion string, Os string, Arch string, BuildTime string, Context string
system.platformInfo: Name string
types.Version: Platform system.platformInfo, Components []types.ComponentVersion, Version string, APIVersion:ApiVersion string, MinAPIVersion string, GitCommit string, GoVersion string, Os string, Arch string, KernelVersion string, Experimental bool, BuildTime string
types.ComponentVersion: Name string, Version string, Details map[]string
system.dockerInfo: ID string, Containers int, ContainersRunning int, ContainersPaused int, ContainersStopped int, Images int, Driver string, DriverStatus [][]string, SystemStatus [][]string, Plugins system.PluginsInfo, MemoryLimit bool, SwapLimit bool, KernelMemory bool, KernelMemoryTCP bool, CPUCfsPeriod:CpuCfsPeriod bool, CPUCfsQuota:CpuCfsQuota bool, CPUShares bool, CPUSet bool, PidsLimit bool, IPv4Forwarding bool, BridgeNfIptables bool, BridgeNfIP6tables:BridgeNfIp6tables bool, Debug bool, NFd int, OomKillDisable bool, NGoroutines int, SystemTime string, LoggingDriver string, CgroupDriver string, CgroupVersion string, NEventsListener int, KernelVersion string, OperatingSystem string, OSVersion string, OSType string, Architecture string, IndexServerAddress string, RegistryConfig *registry.ServiceConfig, NCPU int, MemTotal int, GenericResources []empty, DockerRootDir string, HTTPProxy:HttpProxy string, HTTPSProxy:HttpsProxy string, NoProxy string, Name string, Labels []string, ExperimentalBuild bool, ServerVersion string, Runtimes map[]system.RuntimeWithStatus, DefaultRuntime string, Swarm swarm.Info, LiveRestoreEnabled bool, Isolation string, InitBinary string, ContainerdCommit system.Commit, RuncCommit system.Commit, InitCommit system.Commit, SecurityOptions []string, ProductLicense string, DefaultAddressPools []system.NetworkAddressPool, CDISpecDirs []string, Warnings []string, ServerErrors []string, ClientInfo *system.clientInfo
system.clientInfo: Debug bool, Version string, GitCommit string, GoVersion string, Os string, Arch string, BuildTime string, Context string, Plugins []any, Warnings []string
system.PluginsInfo: Volume []string, Network []string, Authorization []string, Log []string
registry.ServiceConfig: AllowNondistributableArtifactsCIDRs []string, AllowNondistributableArtifactsHostnames []string, InsecureRegistryCIDRs []string, IndexConfigs map[]*registry.IndexInfo, Mirrors []string
registry.IndexInfo: Name string, Mirrors []string, Secure bool, Official bool
system.RuntimeWithStatus: Path:path string, Args:runtimeArgs []string, Status:status map[]string
swarm.Info: NodeID string, NodeAddr string, LocalNodeState string, ControlAvailable bool, Error string, RemoteManagers []empty, Nodes int, Managers int
system.Commit: ID string, Expected string
system.NetworkAddressPool: Base string, Size int
events.Message: Status:status string, ID:id string, From:from string, Type string, Action string, Actor events.Actor, Scope:scope string, Time:time int, TimeNano:timeNano int
events.Actor: ID string, Attributes map[]string
context.Inspect: Name string, Metadata any, Endpoints any, TLSMaterial any, Storage any
`;

let lines: Map<string, string> | undefined;
const structs = new Map<string, GoType>();

function typeOf(text: string): GoType {
  if (text.startsWith('[]')) return { kind: 'slice', of: typeOf(text.slice(2)) };
  if (text.startsWith('map[]')) return { kind: 'map', of: typeOf(text.slice(5)) };
  if (text.startsWith('*')) return { kind: 'pointer', of: typeOf(text.slice(1)) };
  if (text === 'string' || text === 'bool' || text === 'int' || text === 'any' || text === 'time')
    return { kind: text };
  if (text === 'duration') return { kind: 'int' };
  return struct(text);
}

function struct(name: string): GoType {
  const known = structs.get(name);
  if (known) return known;
  let fields: GoField[] | undefined;
  const type: GoType = {
    kind: 'struct',
    name,
    fields() {
      lines ??= new Map(
        declarations
          .trim()
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
      );
      fields ??= (lines.get(name) ?? '')
        .split(', ')
        .filter(Boolean)
        .map((member) => {
          const [names, typeText] = member.split(' ') as [string, string];
          const [goName, json] = names.split(':') as [string, string | undefined];
          return { name: goName, json: json ?? goName, type: typeOf(typeText) };
        });
      return fields;
    },
  };
  structs.set(name, type);
  return type;
}

/** A JSON value as one of Docker's Go types. */
export const asGo = (name: string, value: unknown): Typed => new Typed(struct(name), value);

/** The same behind a pointer, as Go's own code hands some of them to a template. */
export const asGoPointer = (name: string, value: unknown): Typed =>
  new Typed({ kind: 'pointer', of: struct(name) }, value);
