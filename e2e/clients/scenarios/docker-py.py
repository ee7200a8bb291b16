"""docker-py, Docker's own client library for Python."""
import io
import os
import tarfile
import threading
import time

import docker
from steps import end, note, refused, step

client = docker.from_env(version=os.environ["DOCKER_API_VERSION"], timeout=30)
api = client.api
registry = os.environ["REG"]
note("client", docker.__version__)


def tar(**files):
    """An archive of small files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def picked(value, *names):
    """Some members of a mapping."""
    return {name: value.get(name, "absent") for name in names}


def soon(condition):
    """Waits up to 10 seconds."""
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


step("ping")(lambda: client.ping())
step("version")(lambda: sorted(client.version()))
step("info")(lambda: sorted(client.info()))

# Images.
step("import")(lambda: api.import_image_from_data(tar(f="hello"), repository="dp", tag="one"))
step("tag")(lambda: client.images.get("dp:one").tag("dp", "two"))
step("tags")(lambda: sorted(client.images.get("dp:two").tags))
step("list by reference")(lambda: sorted(tag for image in client.images.list(filters={"reference": "dp"}) for tag in image.tags))
step("history")(lambda: [picked(entry, "CreatedBy", "Comment", "Tags") for entry in client.images.get("dp:one").history()])
step("save")(lambda: sorted(
    name if len(name) < 40 else "by digest"
    for name in tarfile.open(fileobj=io.BytesIO(b"".join(client.images.get("dp:one").save(named=True)))).getnames()
))
step("load")(lambda: [image.tags for image in client.images.load(b"".join(client.images.get("dp:one").save(named="dp:one")))])
step("remove an image")(lambda: client.images.remove("dp:two"))
refused("an image that is not there")(lambda: client.images.get("nosuch:latest"))
refused("remove an image that is not there")(lambda: client.images.remove("nosuch"))
refused("a reference that is none")(lambda: client.images.get("Bad Name"))
refused("pull from a registry that is not there")(lambda: client.images.pull("127.0.0.1:9/nosuch", tag="x"))


@step("build")
def _():
    context = tar(Dockerfile="FROM bb\nARG who\nLABEL of=dp\nCOPY f /f\nRUN echo $who > /who\nCMD [\"cat\", \"/who\"]\n", f="1")
    image, log = client.images.build(
        fileobj=io.BytesIO(context), custom_context=True, tag="dpbuilt", buildargs={"who": "me"}, labels={"more": "x"}, rm=True
    )
    return {"log": [entry.get("stream") or sorted(entry) for entry in log], "labels": image.labels, "tags": image.tags}


@refused("a build that fails")
def _():
    client.images.build(fileobj=io.BytesIO(b"FROM bb\nRUN exit 3\n"))


@refused("a build of nonsense")
def _():
    client.images.build(fileobj=io.BytesIO(b"FROM bb\nNONSENSE\n"))


step("run what was built")(lambda: client.containers.run("dpbuilt", remove=True))
step("tag for the registry")(lambda: client.images.get("dpbuilt").tag(f"{registry}/dpbuilt", "1"))
step("push")(lambda: [sorted(entry) for entry in client.images.push(f"{registry}/dpbuilt", tag="1", stream=True, decode=True)][-1:])
step("distribution")(lambda: client.images.get_registry_data(f"{registry}/dpbuilt:1").attrs["Platforms"])
step("remove before the pull")(lambda: client.images.remove(f"{registry}/dpbuilt:1"))
step("pull")(lambda: client.images.pull(f"{registry}/dpbuilt", tag="1").tags)

# Containers.
step("run")(lambda: client.containers.run("bb", ["sh", "-c", "echo out; echo err >&2"], stdout=True, stderr=False, remove=True))
refused("run that fails")(lambda: client.containers.run("bb", ["sh", "-c", "echo why >&2; exit 4"], remove=True))
refused("run of a program that is not there")(lambda: client.containers.run("bb", "nosuch", name="dpnosuch"))
client.containers.get("dpnosuch").remove()
refused("run of an image that is not there")(lambda: api.create_container("nosuch", "true"))
refused("a name that is none")(lambda: client.containers.create("bb", name="a b"))
box = client.containers.run(
    "bb",
    ["sh", "-c", "trap 'echo term; exit 7' TERM; echo started; while :; do sleep 0.1; done"],
    name="dpbox",
    detach=True,
    environment={"A": "b"},
    labels={"role": "box"},
    hostname="boxhost",
    mem_limit="64m",
    nano_cpus=500000000,
    ports={"80/tcp": None, "81/udp": ("127.0.0.1", 38181)},
    tmpfs={"/scratch": "size=1m"},
    cap_drop=["ALL"],
    ulimits=[docker.types.Ulimit(name="nofile", soft=64, hard=128)],
    extra_hosts={"other": "192.0.2.1"},
    dns=["192.0.2.53"],
    read_only=True,
    init=True,
    healthcheck={"test": ["CMD", "true"], "interval": 100000000},
    log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}),
)
refused("a name that is taken")(lambda: client.containers.create("bb", name="dpbox"))
step("inspect")(lambda: {
    **picked(box.attrs["Config"], "Hostname", "Env", "Labels", "Image", "Healthcheck", "ExposedPorts"),
    **picked(
        box.attrs["HostConfig"], "Memory", "MemorySwap", "NanoCpus", "CapDrop", "Ulimits", "ExtraHosts", "Dns", "ReadonlyRootfs",
        "Init", "LogConfig", "Tmpfs", "PortBindings", "NetworkMode", "ShmSize", "RestartPolicy",
    ),
})
step("started")(lambda: soon(lambda: b"started" in box.logs()))
step("healthy")(lambda: soon(lambda: (box.reload(), box.health)[1] == "healthy"))
step("ports")(lambda: {port: [binding["HostIp"] for binding in bindings] for port, bindings in sorted(box.ports.items())})
step("list")(lambda: [container.name for container in client.containers.list(filters={"label": "role=box", "status": "running"})])
step("list of raw members")(lambda: sorted(api.containers(filters={"name": "dpbox"})[0]))
step("exec")(lambda: box.exec_run(["sh", "-c", "echo out; echo err >&2; exit 5"], demux=True))
step("exec on a terminal")(lambda: box.exec_run(["sh", "-c", "test -t 0 && echo terminal"], tty=True, stdin=True))
step("exec as a user")(lambda: box.exec_run("id -u", user="nobody", environment={"X": "y"}, workdir="/tmp"))
step("exec as a stream")(lambda: b"".join(box.exec_run(["sh", "-c", "echo 1; echo 2"], stream=True).output))
step("exec of a program that is not there")(lambda: box.exec_run("nosuch"))


@step("exec by a socket")
def _():
    created = api.exec_create(box.id, "cat", stdin=True)["Id"]
    socket = api.exec_start(created, socket=True)
    socket._sock.sendall(b"to and fro\n")
    socket._sock.shutdown(1)
    data = b""
    while chunk := socket.read(100):
        data += chunk
    return [data[8:], api.exec_inspect(created)["ExitCode"]]


step("top")(lambda: [row[-1] for row in box.top(ps_args="-o pid,args")["Processes"]][:1])
step("stats")(lambda: sorted(box.stats(stream=False)))
step("stats as a stream")(lambda: sorted(next(box.stats(stream=True, decode=True))))
refused("put an archive where nothing may be written")(lambda: box.put_archive("/", tar(f="1")))
step("pause")(lambda: (box.pause(), box.reload(), box.status)[2])
refused("exec in a paused container")(lambda: box.exec_run("true"))
step("unpause")(lambda: (box.unpause(), box.reload(), box.status)[2])
step("update")(lambda: box.update(mem_limit="96m", memswap_limit="96m", restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}))
step("rename")(lambda: (box.rename("dpbox2"), box.reload(), box.name)[2])
step("stop")(lambda: (box.stop(timeout=5), box.wait())[1])
step("logs")(lambda: box.logs(tail=1))
step("logs with times")(lambda: box.logs(timestamps=True))
step("logs as a stream")(lambda: list(box.logs(stream=True, follow=True)))
step("start again and kill")(lambda: (box.start(), box.kill("SIGKILL"), box.wait())[2])
refused("kill what has ended")(lambda: box.kill())
step("remove")(lambda: box.remove(v=True))
refused("a container that is gone")(lambda: box.reload())

other = client.containers.create("bb", "sleep 60", name="dpother", tty=True, stdin_open=True)
step("put archive")(lambda: other.put_archive("/tmp", tar(a="A", b="B")))
step("get archive")(lambda: (lambda stream, stat: [tarfile.open(fileobj=io.BytesIO(b"".join(stream))).getnames(), picked(stat, "name", "size", "linkTarget")])(*other.get_archive("/tmp/a")))
refused("get archive of nothing")(lambda: other.get_archive("/nosuch"))
step("diff")(lambda: sorted((change["Kind"], change["Path"]) for change in other.diff()))
step("commit")(lambda: other.commit("dpcommit", "1", message="m", author="a", changes=["ENV X=1"]).attrs["Config"]["Env"])
step("export")(lambda: "tmp/a" in tarfile.open(fileobj=io.BytesIO(b"".join(other.export()))).getnames())
step("start")(lambda: other.start())
step("resize")(lambda: other.resize(40, 120))
refused("wait with a time-out")(lambda: (_ for _ in ()).throw(TimeoutError()) if not other.wait(timeout=0.5) else None)
step("restart")(lambda: (other.restart(timeout=0), other.reload(), other.status)[2])
refused("remove what runs")(lambda: other.remove())
step("remove by force")(lambda: other.remove(force=True))

# Attach.
@step("attach")
def _():
    container = client.containers.create("bb", ["sh", "-c", "read x; echo got $x; echo err >&2"], stdin_open=True)
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"line\n")
    data = b""
    while chunk := socket.read(4096):
        data += chunk
    container.remove(force=True)
    return [b"got line\n" in data, b"err\n" in data, len(data)]


# Networks.
net = client.networks.create(
    "dpnet", driver="bridge", labels={"n": "1"}, ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.99.3.0/24", gateway="10.99.3.1")])
)
step("network")(lambda: picked(net.attrs, "Name", "Scope", "Driver", "EnableIPv6", "IPAM", "Internal", "Labels", "Options", "Containers"))
refused("a network over another")(lambda: client.networks.create("dpnet2", ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.99.3.0/25")])))
peers = [client.containers.run("bb", "sleep 60", name=f"dppeer{i}", detach=True, network="dpnet") for i in range(2)]
step("names")(lambda: peers[0].exec_run("ping -c 1 -W 2 dppeer1").exit_code)
step("disconnect")(lambda: net.disconnect(peers[1]))
step("connect with an address")(lambda: (net.connect(peers[1], aliases=["other"], ipv4_address="10.99.3.77"), peers[1].exec_run("ip -4 -o addr show scope global").output.split()[3])[1])
step("alias")(lambda: peers[0].exec_run("ping -c 1 -W 2 other").exit_code)
step("list of networks")(lambda: [[network.name, network.attrs["Driver"]] for network in client.networks.list(filters={"name": "dpnet"})])
refused("remove a network in use")(lambda: net.remove())
for peer in peers:
    peer.remove(force=True)
step("remove a network")(lambda: net.remove())
refused("a network that is not there")(lambda: client.networks.get("nosuch"))
refused("a driver that is not there")(lambda: client.networks.create("dpx", driver="nosuch"))

# Volumes.
volume = client.volumes.create("dpvol", labels={"v": "1"})
step("volume")(lambda: picked(volume.attrs, "Name", "Driver", "Labels", "Options", "Scope"))
step("write to it")(lambda: client.containers.run("bb", "sh -c 'echo kept > /v/f'", volumes={"dpvol": {"bind": "/v", "mode": "rw"}}, remove=True))
step("read from it")(lambda: client.containers.run("bb", "cat /v/f", mounts=[docker.types.Mount("/v", "dpvol", read_only=True)], remove=True))
refused("write to it where it is read-only")(lambda: client.containers.run("bb", "touch /v/x", volumes=["dpvol:/v:ro"], remove=True))
step("list of volumes")(lambda: [v.name for v in client.volumes.list(filters={"label": "v=1"})])
user = client.containers.create("bb", volumes=["dpvol:/v"])
refused("remove a volume in use")(lambda: volume.remove())
user.remove()
step("remove a volume")(lambda: volume.remove())
refused("a volume that is not there")(lambda: client.volumes.get("dpvol"))
refused("a bind of a folder that is not there")(lambda: client.containers.create("bb", mounts=[docker.types.Mount("/v", "/nosuch", type="bind")]))

# Events and prunes.
@step("events")
def _():
    seen = []
    events = client.events(decode=True, filters={"type": "container", "label": "role=events"})
    reader = threading.Thread(target=lambda: seen.extend([e["Action"], e["Actor"]["Attributes"].get("exitCode"), sorted(e)] for e in events))
    reader.start()
    time.sleep(0.3)
    client.containers.run("bb", "true", labels={"role": "events"}, remove=True)
    soon(lambda: any(event[0] == "destroy" for event in seen))
    events.close()
    return [event for event in seen if event[0] != "attach"]


step("disk usage")(lambda: sorted(client.df()))
client.containers.create("bb", labels={"pruned": "1"})
step("prune containers")(lambda: len(client.containers.prune(filters={"label": "pruned=1"})["ContainersDeleted"]))
step("prune images")(lambda: sorted(client.images.prune(filters={"label": "nosuch"})))
step("prune networks")(lambda: client.networks.prune(filters={"label": "nosuch"}))
step("prune volumes")(lambda: client.volumes.prune(filters={"label": "nosuch"}))
refused("a filter that is not there")(lambda: client.containers.list(filters={"nosuch": "1"}))
refused("login where no registry is")(lambda: client.login("u", "p", registry="127.0.0.1:9", reauth=True))
step("login")(lambda: client.login("u", "p", registry=registry, reauth=True))
end()
