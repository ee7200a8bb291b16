# rsyslog's imdocker, which finds containers by the list and reads their logs as they grow.
. "$SCENARIOS/steps.bash"
note client "$(rsyslogd -v | awk 'NR == 1 { print $2 }')"
mkdir work
cat > conf <<C
global(workDirectory="$PWD/work")
module(load="imdocker" DockerApiUnixSockAddr="${DOCKER_HOST#unix://}" ApiVersionStr="v$DOCKER_API_VERSION" PollingInterval="1" GetContainerLogOptions="timestamps=0&follow=1&stdout=1&stderr=1&tail=100" RetrieveNewLogsFromStart="on")
template(name="line" type="list") {
  property(name="\$!metadata!Names") constant(value=" ") property(name="\$!metadata!ImageID" position.from="1" position.to="7")
  constant(value=" ") property(name="\$!metadata!Labels!of" ) constant(value=" ") property(name="msg") constant(value="\n")
}
action(type="omfile" file="$PWD/seen" template="line")
C
docker run -d --name imbefore --label of=before bb sh -c 'echo before the start; echo on stderr >&2; exec sleep 600' >/dev/null
rsyslogd -n -i "$PWD/pid" -f "$PWD/conf" >rsyslogd.out 2>&1 & syslog=$!
works "lines from before" soon grep -q 'before the start' seen
docker run -d --name imafter --label of=after bb sh -c 'for i in 1 2 3; do echo line $i; done; printf "no end"; sleep 0.5; echo; exec sleep 600' >/dev/null
works "lines of one that started later" soon grep -q 'no end' seen
docker run -d -t --name imtty --label of=tty bb sh -c 'echo on a terminal; exec sleep 600' >/dev/null
works "lines of a terminal" soon grep -q 'on a terminal' seen
docker exec imafter sh -c 'echo by exec > /proc/1/fd/1'
works "lines that an exec writes to the first process" soon grep -q 'by exec' seen
docker rm -f imafter >/dev/null; sleep 1.5
docker run -d --name imagain --label of=again bb sh -c 'echo again; exec sleep 600' >/dev/null
works "one that came after one was removed" soon grep -q again seen
kill $syslog; wait $syslog 2>/dev/null
step "all that was seen" sh -c "tr -d '\r' < seen | sort"
end
