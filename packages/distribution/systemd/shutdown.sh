#!/bin/sh
# Run by systemd when berth.service stops. Containers outlive their daemon, but not their machine: when that goes down, each
# gets its stop signal and its time, after the daemon, which would take it for an end of the container's own. For the next
# start of the machine they count as running, so that restart policies start them again.
set -u
here=$(dirname "$(readlink -f "$0")")
list=/run/berth/ending

case ${1:-} in
note)
  rm -f "$list"
  [ "$(systemctl is-system-running)" = stopping ] || exit 0
  berth() { env -u BERTH_HOST -u DOCKER_HOST timeout 20 "$here/berth" -H unix:///run/berth/berth.sock "$@"; }
  ids=$(berth ps -q --no-trunc) && [ -n "$ids" ] || exit 0
  # shellcheck disable=SC2086
  berth inspect -f '{{.State.Pid}} {{json .Config.StopSignal}} {{json .Config.StopTimeout}}' $ids | tr -d '"' >"$list"
  ;;
end)
  [ -s "$list" ] || exit 0
  longest=10
  pids=
  while read -r pid signal seconds; do
    [ "$pid" -gt 1 ] 2>/dev/null || continue
    case $signal in '' | null) signal=TERM ;; esac
    case $seconds in *[!0-9]* | '') seconds=10 ;; esac
    [ "$seconds" -le "$longest" ] || longest=$seconds
    pids="$pids $pid"
    kill -s "${signal#SIG}" "$pid" 2>/dev/null
  done <"$list"
  rm -f "$list"
  [ "$longest" -le 80 ] || longest=80
  waited=0
  while [ "$waited" -lt $((longest * 5)) ]; do
    left=
    for pid in $pids; do [ ! -d "/proc/$pid" ] || left="$left $pid"; done
    [ -n "$left" ] || exit 0
    sleep 0.2
    waited=$((waited + 1))
  done
  # shellcheck disable=SC2086
  kill -s KILL $left 2>/dev/null
  ;;
esac
exit 0
