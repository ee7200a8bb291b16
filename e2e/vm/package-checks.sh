#!/bin/bash
# Runs in the machine that package.ts boots: installs, upgrades, downgrades, reboots, removes and purges the package.
# /opt/berth has the packages, old and new, and the tar. State between the boots is in /root/phase.
set -u
phase=$(cat /root/phase 2>/dev/null || echo install)
if [ "${1:-}" = ended ]; then
  # The script ends by a reboot, or it has failed.
  [ "$phase" = reboot ] && exit 0
  echo "checks ended: $SERVICE_RESULT" >/dev/ttyS1
  exec systemctl poweroff --force
fi
export DEBIAN_FRONTEND=noninteractive
failed() {
  echo "FAIL line ${BASH_LINENO[0]}: $BASH_COMMAND"
  journalctl -u berth.service -n 30 --no-pager -o cat
  systemctl status --no-pager berth.service berth.socket | head -30
  systemctl list-jobs --no-pager
  exit 1
}
trap failed ERR
set -E
ok() { echo "ok   $* ($((SECONDS - since)) s)"; since=$SECONDS; }
since=$SECONDS
is() { [ "$1" = "$2" ] || { echo "wanted '$2', got '$1'"; return 1; }; }
# A command after `!` would fail unnoticed.
no() { if "$@"; then return 1; fi; }
until_ok() { for _ in $(seq 100); do timeout 30 "$@" >/dev/null 2>&1 && return 0; sleep 0.5; done; timeout 30 "$@"; }
state() { berth inspect -f '{{.State.Status}}' "$1"; }
pid() { berth inspect -f '{{.State.Pid}}' "$1"; }
main() { systemctl show -P MainPID berth.service; }
old=$(ls /opt/berth/berth_*_*.deb | sort -V | head -1)
new=$(ls /opt/berth/berth_*_*.deb | sort -V | tail -1)
installed() { dpkg-query -W -f '${Version}' berth; }

if [ "$phase" = install ]; then
  dpkg -i "$old" >/root/dpkg.log 2>&1 || { cat /root/dpkg.log; false; }
  is "$(systemctl is-active berth.service berth.socket | sort -u)" active
  is "$(systemctl is-enabled berth.service berth.socket | sort -u)" enabled
  is "$(systemctl is-enabled berth-docker.socket || true)" disabled
  is "$(stat -c '%U %G %a' /run/berth/berth.sock)" "root berth 660"
  is "$(stat -c %a /var/lib/berth)" 700
  berth version >/dev/null
  ok "install: service and socket are active, the socket is the group's"

  useradd -m -G berth member && useradd -m stranger
  su member -c 'berth ps' >/dev/null
  no su stranger -c 'berth ps' 2>/root/denied
  grep -q 'permission denied' /root/denied
  ok "a member of the group may, a stranger may not"

  mkdir -p /root/fs/bin && cp /bin/busybox /root/fs/bin/ && chroot /root/fs /bin/busybox --install -s /bin
  tar -C /root/fs -c . | berth import -c 'CMD ["sh"]' - bb >/dev/null
  is "$(berth run --rm --network none bb cat /proc/self/oom_score_adj)" 0
  berth run -d --name keep --restart always -p 8080:80 -v data:/data bb sh -c \
    'echo hello >/index.html; httpd -p 80 -h /; while :; do date +%s >>/data/ticks; sleep 1; done' >/dev/null
  berth run -d --name once bb sleep 100000 >/dev/null
  berth run -d --name stopped --restart unless-stopped bb sleep 100000 >/dev/null
  berth stop -t 1 stopped >/dev/null
  until_ok curl -s -m 5 http://127.0.0.1:8080/index.html
  ok "containers run, a port is published"

  before=$(pid keep)
  systemctl stop berth.service
  is "$(systemctl is-active berth.service || true)" inactive
  berth ps -q >/dev/null
  is "$(systemctl is-active berth.service)" active
  is "$(pid keep)" "$before"
  ok "a connection to the socket starts the daemon; the container went on"

  sed -i '0,/^{/s//{ "debug": true,/' /etc/berth/daemon.json
  sed -i 's/true,$/true/' /etc/berth/daemon.json
  berthd --validate 2>/dev/null
  systemctl reload berth.service
  until_ok bash -c "berth info -f '{{.Debug}}' | grep -q true"
  ok "a reload takes the configuration over"

  # `--short`: the parts that take an emulated processor minutes are left out.
  if ! grep -q berth.short /proc/cmdline; then
  mkdir -p /run/systemd/system/berth.service.d
  printf '[Service]\nWatchdogSec=6\n' >/run/systemd/system/berth.service.d/watchdog.conf
  systemctl daemon-reload && systemctl restart berth.service
  hung=$(main) && kill -STOP "$hung"
  until_ok bash -c "[ \$(systemctl show -P NRestarts berth.service) = 1 ]"
  until_ok berth ps
  [ "$(main)" != "$hung" ]
  is "$(pid keep)" "$before"
  rm /run/systemd/system/berth.service.d/watchdog.conf && systemctl daemon-reload
  ok "the watchdog ends a daemon that hangs; another takes over, the container went on"

  mkdir -p /run/systemd/system/berth.service.d
  printf '[Service]\nEnvironment=BERTHD_OPTS=--cri\n' >/run/systemd/system/berth.service.d/cri.conf
  systemctl daemon-reload && systemctl restart berth.service
  until_ok test -S /run/berth/cri.sock
  is "$(stat -c '%U %a' /run/berth/cri.sock)" "root 600"
  rm /run/systemd/system/berth.service.d/cri.conf
  systemctl daemon-reload && systemctl restart berth.service
  until_ok berth ps
  no test -e /run/berth/cri.sock
  is "$(pid keep)" "$before"
  ok "a drop-in has the interface for Kubernetes served; without it that is gone, the container went on"

  daemon=$(main)
  dpkg -i "$new" >/root/dpkg.log 2>&1 || { cat /root/dpkg.log; false; }
  is "$(installed)" "$(dpkg-deb -f "$new" Version)"
  [ "$(main)" != "$daemon" ]
  is "$(pid keep) $(state keep) $(state once) $(state stopped)" "$before running running exited"
  berth exec keep true
  curl -s -m 5 http://127.0.0.1:8080/index.html | grep -q hello
  grep -q debug /etc/berth/daemon.json
  ok "upgrade: a new daemon, the containers and the edited configuration as before"

  dpkg -i "$old" >/root/dpkg.log 2>&1 || { cat /root/dpkg.log; false; }
  is "$(installed)" "$(dpkg-deb -f "$old" Version)"
  is "$(pid keep) $(state once)" "$before running"
  ok "downgrade: likewise"
  fi

  systemctl enable berth-docker.socket 2>/dev/null
  echo reboot >/root/phase && date +%s >/root/down && sync
  systemctl reboot
  sleep 1000
fi

echo after >/root/phase
echo "     up again after $(cut -d. -f1 /proc/uptime) s; the machine was down within $(($(date +%s) - $(cat /root/down) - $(cut -d. -f1 /proc/uptime))) s"
until_ok berth ps
until_ok bash -c '[ "$(berth inspect -f "{{.State.Status}}" keep)" = running ]'
is "$(state keep) $(state once) $(state stopped)" "running exited exited"
until_ok curl -s -m 5 http://127.0.0.1:8080/index.html
is "$(docker -H unix:///run/docker.sock ps --format '{{.Names}}')" keep
is "$(stat -c %G /run/docker.sock)" docker
ok "reboot: restart policies hold, docker finds Berth at its own address"

dpkg -r berth >/root/dpkg.log 2>&1 || { cat /root/dpkg.log; false; }
no pgrep -x httpd
no pgrep -f berth-native
[ -d /var/lib/berth ] && [ -e /etc/berth/daemon.json ] && [ ! -e /run/berth/berth.sock ] && [ ! -e /run/docker.sock ]
[ -z "$(ip -br link | grep -E '^(berth|br-|veth)' || true)" ]
no nft list table inet berth 2>/dev/null
ok "removal: nothing of it runs, the data stays"

dpkg -i "$new" >/root/dpkg.log 2>&1 || { cat /root/dpkg.log; false; }
berth start keep >/dev/null
until_ok curl -s -m 5 http://127.0.0.1:8080/index.html
berth run --rm -v data:/data bb test -s /data/ticks
ok "installed again: containers and volumes are there"

dpkg -P berth >/root/dpkg.log 2>&1 || { cat /root/dpkg.log; false; }
for left in /var/lib/berth /etc/berth /etc/default/berth /run/berth /usr/lib/berth /usr/bin/berth /run/berth.pid; do [ ! -e "$left" ] || { echo "$left is left"; false; }; done
no getent group berth
no pgrep -f 'berthd|berth-native'
[ -z "$(grep berth /proc/self/mounts | grep -v /opt/berth || true)" ]
[ -z "$(ip -br link | grep -E '^(berth|br-|veth)' || true)" ]
[ -z "$(find /etc/systemd /var/lib/systemd/deb-systemd-helper-* -name '*berth.s*' 2>/dev/null)" ]
ok "purge: nothing is left"

mkdir /root/tar && tar -C /root/tar --strip-components=1 -xf /opt/berth/berth.tar
/root/tar/install.sh >/root/install.log 2>&1 || { cat /root/install.log; false; }
/usr/local/bin/berth version >/dev/null
is "$(systemctl is-active berth.service)" active
tar -C /root/fs -c . | /usr/local/bin/berth import -c 'CMD ["sh"]' - bb >/dev/null
is "$(/usr/local/bin/berth run --rm bb echo hi)" hi
/root/tar/install.sh --uninstall >/dev/null 2>&1
[ ! -e /usr/local/bin/berth ] && is "$(systemctl is-active berth.service || true)" inactive
ok "the tar: installed, used, removed"
