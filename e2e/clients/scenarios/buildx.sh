# docker buildx on the engine's own builder: results of each kind, cache, bake, history and imagetools.
. "$SCENARIOS/steps.bash"
note client "$(docker buildx version | awk '{ print $2 }')"
export SOURCE_DATE_EPOCH=1700000000
bx() { docker buildx "$@"; }
printf 'FROM bb AS base\nARG X=1\nRUN echo $X > /x\nFROM base AS second\nCOPY f /f\nRUN --mount=type=secret,id=s cat /run/secrets/s > /s\nRUN --mount=type=cache,target=/c echo kept >> /c/f; wc -l < /c/f > /n\nRUN <<EOF\necho here > /here\nEOF\nFROM scratch AS files\nCOPY --from=second /f /s /here /\n' > Dockerfile
echo hello > f; echo sesame > s
step "ls" sh -c "docker buildx ls --format '{{.Name}} {{.DriverEndpoint}} {{.Status}}' 2>&1 | sort"
step "inspect" sh -c "docker buildx inspect default | grep -E '^(Name|Driver|Status):'"
works "build" bx build --target second --secret id=s,src=s -t bxsecond .
step "its files" docker run --rm bxsecond cat /f /s /x /here /n
step "its files in a folder" sh -c 'docker buildx build -q --target files --secret id=s,src=s -o out . && cat out/f out/s out/here'
step "in a tar" sh -c 'docker buildx build -q --target files --secret id=s,src=s -o type=tar,dest=o.tar . && tar tf o.tar | sort'
tries "an archive of docker's" bx build -q -t bxarchive --target second --secret id=s,src=s -o type=docker,dest=d.tar .
tries "loaded" sh -c 'docker rmi bxarchive >/dev/null 2>&1; docker load -q -i d.tar'
works "push" bx build --target second --secret id=s,src=s -t "$REG/bx:1" --push .
step "imagetools inspect" sh -c "docker buildx imagetools inspect $REG/bx:1 --format '{{json .Manifest}}' | jq -c '[.mediaType, (.manifests // [] | length)]'"
works "imagetools create" bx imagetools create -t "$REG/bx:2" "$REG/bx:1"
step "imagetools of both" sh -c "a=\$(docker buildx imagetools inspect $REG/bx:2 --format '{{json .Image.config.Cmd}}'); echo \$a"
works "cache inline" bx build --target base --cache-to type=inline -t "$REG/bx:cache" --push .
step "cache from it" sh -c "docker buildx prune -af >/dev/null; docker buildx build --target base --cache-from $REG/bx:cache . 2>&1 | grep -c CACHED"
tries "cache in a folder" bx build -q --target base --cache-to type=local,dest=cache .
tries "an OCI archive" bx build -q --target files --secret id=s,src=s -o type=oci,dest=oci.tar .
tries "two platforms" sh -c 'echo FROM scratch | docker buildx build -q --platform linux/amd64,linux/s390x -'
fails "a step that fails" sh -c "printf 'FROM bb\nRUN exit 7\n' | docker buildx build -q - 2>&1 | sed -E 's/^[0-9.]+ //' | grep -vE '^ *$|^#[0-9]+ [A-D0-9]'; exit 1"
fails "nonsense" sh -c "printf 'FROM bb\nNONSENSE\n' | docker buildx build -q - 2>&1; exit 1"
fails "a stage that is not there" bx build -q --target nosuch .
step "named context" sh -c 'mkdir c; echo from > c/g; printf "FROM scratch\nCOPY --from=more g /\n" | docker buildx build -q --build-context more=c -o g -f - . && cat g/g'
step "metadata" sh -c 'docker buildx build -q --target base -t bxbase --metadata-file m.json . >/dev/null && jq -c "keys | map(select(. != \"buildx.build.warnings\"))" m.json'
step "iid file" sh -c 'docker buildx build -q --target base --iidfile iid . >/dev/null && docker inspect -f "{{.Os}}" $(cat iid)'
cat > docker-bake.hcl <<'B'
variable "V" { default = "1" }
group "default" { targets = ["a", "b"] }
target "a" {
  target = "base"
  tags = ["bxbake:a"]
}
target "b" {
  inherits = ["a"]
  args = { X = "bake${V}" }
  tags = ["bxbake:b"]
}
B
step "bake --print" sh -c 'docker buildx bake --print 2>/dev/null'
works "bake" bx bake --load
step "what was baked" sh -c 'for t in a b; do docker run --rm bxbake:$t cat /x; done'
works "bake with another value" bx bake --load --set 'a.args.X=set' a
step "what was baked then" docker run --rm bxbake:a cat /x
step "disk usage" sh -c "docker buildx du | tail -n 4 | sed -E 's/[0-9.]+[kMG]*B/SIZE/'"
step "history" sh -c 'docker buildx history ls --format "{{.Status}}" 2>&1 | sort | uniq -c | sed "s/ *[0-9]* /n /" | sort -u'
step "prune" sh -c 'docker buildx prune -af | tail -1 | sed "s/[0-9.]*[kMG]*B/SIZE/"'
end
