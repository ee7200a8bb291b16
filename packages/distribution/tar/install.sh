#!/bin/sh
# Installs Berth from the folder this file lies in, or removes it:
#   ./install.sh [--prefix /usr/local] [--uninstall]
# It stands beside a package of the distribution's only under another prefix, and never beside one that runs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=/usr/local
uninstall=
while [ $# -gt 0 ]; do
  case $1 in
  --prefix) prefix=${2:?--prefix needs a folder}; shift 2 ;;
  --uninstall) uninstall=1; shift ;;
  *) echo "install.sh: $1 is neither --prefix FOLDER nor --uninstall" >&2; exit 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "install.sh: run this as root" >&2; exit 1; }
systemd=
[ -d /run/systemd/system ] && command -v systemctl >/dev/null && systemd=1
units="berth.service berth.socket berth-docker.socket"

if [ -n "$uninstall" ]; then
  if [ -n "$systemd" ]; then systemctl disable --now berth-docker.socket berth.socket berth.service 2>/dev/null || true; fi
  for unit in $units; do rm -f "/etc/systemd/system/$unit"; done
  rm -rf "$prefix/lib/berth" "$prefix/share/doc/berth"
  rm -f "$prefix/bin/berth" "$prefix/sbin/berthd" "$prefix/share/bash-completion/completions/berth" \
    "$prefix/share/zsh/site-functions/_berth" "$prefix/share/fish/vendor_completions.d/berth.fish"
  rm -f "$prefix"/share/man/man1/berth.1.gz "$prefix"/share/man/man1/berth-*.1.gz \
    "$prefix/share/man/man8/berthd.8.gz" "$prefix/share/man/man5/berth-daemon.json.5.gz"
  [ -z "$systemd" ] || systemctl daemon-reload
  echo "Berth is gone; /var/lib/berth (images, volumes, containers) and /etc/berth stay."
  exit 0
fi

for library in libseccomp.so.2 libnftables.so.1 libstdc++.so.6; do
  ldconfig -p 2>/dev/null | grep -q "$library" ||
    echo "install.sh: $library was not found; install it with the distribution's package manager" >&2
done
mkdir -p "$prefix/lib" "$prefix/bin" "$prefix/sbin" "$prefix/share" /etc/berth /etc/default
# A running daemon and its containers keep the files they have open.
rm -rf "$prefix/lib/berth.new" && cp -R "$here/lib/berth" "$prefix/lib/berth.new"
rm -rf "$prefix/lib/berth.old"
[ ! -e "$prefix/lib/berth" ] || mv "$prefix/lib/berth" "$prefix/lib/berth.old"
mv "$prefix/lib/berth.new" "$prefix/lib/berth"
rm -rf "$prefix/lib/berth.old"
ln -sfn ../lib/berth/berth "$prefix/bin/berth"
ln -sfn ../lib/berth/berthd "$prefix/sbin/berthd"
cp -R "$here/share/man" "$here/share/doc" "$here/share/bash-completion" "$here/share/fish" "$prefix/share/"
mkdir -p "$prefix/share/zsh/site-functions"
cp "$here/share/zsh/vendor-completions/_berth" "$prefix/share/zsh/site-functions/_berth"
for file in berth/daemon.json default/berth; do
  [ -e "/etc/$file" ] || cp "$here/etc/$file" "/etc/$file"
done
for group in berth docker; do
  getent group "$group" >/dev/null || groupadd -r "$group" || addgroup -S "$group"
done
mkdir -p /var/lib/berth && chmod 0700 /var/lib/berth
if [ -n "$systemd" ]; then
  for unit in $units; do
    sed "s|/usr/sbin/berthd|$prefix/sbin/berthd|; s|/usr/lib/berth|$prefix/lib/berth|; s|/usr/share/doc|$prefix/share/doc|" "$here/systemd/$unit" >"/etc/systemd/system/$unit"
  done
  systemctl daemon-reload
  systemctl enable --now berth.socket berth.service
  systemctl try-restart berth.service
else
  echo "There is no systemd here: have the machine's init run $prefix/sbin/berthd."
fi
"$prefix/bin/berth" --version
