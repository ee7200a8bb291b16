# Helpers of the cases: $IMG is a busybox image, $T a prefix of names for the case alone, $REG the engine's registry.
[ -n "$REG" ] && exec > >(exec sed -u "s#$REG#<REG>#g") 2>&1
export DOCKER_BUILDKIT=0 BUILDKIT_PROGRESS=plain COMPOSE_ANSI=never COMPOSE_PROGRESS=plain
# t ARGS: a docker command, what it wrote, and how it ended when that is not 0.
t() { echo "\$ docker $*"; docker "$@" 2>&1; local rc=$?; [ $rc = 0 ] || echo "rc $rc"; return $rc; }
# s ARGS: the same with sorted lines.
s() { echo "\$ docker $*"; docker "$@" 2>&1 | LC_ALL=C sort; local rc=${PIPESTATUS[0]}; [ $rc = 0 ] || echo "rc $rc"; }
# q ARGS: only what went wrong.
q() { local out rc; out=$(docker "$@" 2>&1) && return 0; rc=$?; echo "\$ docker $*: rc $rc: $out"; return $rc; }
# c ARGS: creates a container, says what comes, and removes it.
c() { echo "\$ create $*"; docker create --name ${T}c "$@" 2>&1 | grep -v '^See '; docker rm -fv ${T}c >/dev/null 2>&1; }
# r ARGS: runs a container that is removed.
r() { echo "\$ run $*"; docker run --rm --name ${T}r "$@" 2>&1 </dev/null; local rc=$?; [ $rc = 0 ] || echo "rc $rc"; }
# box NAME [OPTIONS]: a container that sleeps.
box() { local n=$1; shift; docker run -d --name "$n" "$@" $IMG sleep 600 >/dev/null; }
# img FORMAT OPTIONS: creates a container and shows a part of it.
show() { local f=$1; shift; echo "\$ show $f: $*"; docker create --name ${T}c "$@" >/dev/null && docker inspect -f "$f" ${T}c; docker rm -fv ${T}c >/dev/null 2>&1; }
# until_ok CMD: up to 8 seconds until the command succeeds.
until_ok() { local i; for i in $(seq 80); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; echo "gave up: $*"; return 1; }
# tiny NAME [OPTIONS]: an image of one small file.
tiny() { local n=$1 d; shift; d=$(mktemp -d); echo "$n" >$d/f; tar -C $d --mtime=@0 -cf - . | docker import "$@" - $n >/dev/null; rm -rf $d; }
# b ARGS: a classic build without its note about the old builder.
b() { echo "\$ build $*"; docker build --force-rm "$@" 2>&1 | grep -v -e '^DEPRECATED: The legacy builder' -e 'Install the buildx component' -e 'docs.docker.com/go/buildx' -e 'BuildKit is currently disabled' -e '^ *environment-variable\.$' -e '^$' -e '^Sending build context'; local rc=${PIPESTATUS[0]}; [ $rc = 0 ] || echo "rc $rc"; return $rc; }
# k ARGS: a build by BuildKit: what went wrong of it.
k() { echo "\$ buildx $*"; docker buildx build --builder default --load --progress=plain "$@" >bk.log 2>&1 && return 0; local rc=$?; sed -n '/^ERROR/,$p;/^ > \[/,$p' bk.log | sed -E 's/^[0-9.]+ //;s/[0-9]+\.[0-9]+ /<S> /' | awk '!seen[$0]++'; echo "rc $rc"; return $rc; }
dc() { echo "\$ compose $*"; docker compose -p $T "$@" 2>&1; local rc=$?; [ $rc = 0 ] || echo "rc $rc"; }
api() { local p=$1; shift; curl -s -m 10 --unix-socket "${DOCKER_HOST#unix://}" "$@" "http://localhost$p"; }
waitall() { wait $(jobs -p); }
