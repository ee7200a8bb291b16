# skopeo, which reads and writes images of an engine by its daemon transport.
. "$SCENARIOS/steps.bash"
note client "$(skopeo --version | sed 's/skopeo version //')"
copy() { skopeo copy --quiet --insecure-policy "$@"; }
# parts FOLDER: the manifest's media types, which tell the form of what was written.
parts() { jq -c '[.mediaType, .config.mediaType, [.layers[].mediaType]]' "$1"; }
H="--daemon-host=$DOCKER_HOST"

step "inspect" sh -c "skopeo inspect $H docker-daemon:bb:latest | jq '[.Os, .Architecture, (.Layers | length), .Env]'"
step "inspect the configuration" sh -c "skopeo inspect --config $H docker-daemon:bb:latest | jq '[.config.Cmd, .rootfs.type, (.history | length)]'"
works "to a folder" copy --src-daemon-host="$DOCKER_HOST" docker-daemon:bb:latest "dir:$PWD/d"
step "its manifest" parts d/manifest.json
works "to an OCI layout" copy --src-daemon-host="$DOCKER_HOST" docker-daemon:bb:latest "oci:$PWD/o:x"
works "to an archive" copy --src-daemon-host="$DOCKER_HOST" docker-daemon:bb:latest "docker-archive:$PWD/a.tar:again:1"
works "from an OCI layout" copy --dest-daemon-host="$DOCKER_HOST" "oci:$PWD/o:x" docker-daemon:skopeo:oci
works "from a folder" copy --dest-daemon-host="$DOCKER_HOST" "dir:$PWD/d" docker-daemon:skopeo:dir
works "from an archive" copy --dest-daemon-host="$DOCKER_HOST" "docker-archive:$PWD/a.tar" docker-daemon:skopeo:archive
docker save -o s.tar bb:latest
works "from an archive of the engine's" copy --dest-daemon-host="$DOCKER_HOST" "docker-archive:$PWD/s.tar" docker-daemon:skopeo:saved
step "run of each" sh -c 'for t in oci dir archive saved; do docker run --rm skopeo:$t echo $t; done'
works "to a registry" copy --src-daemon-host="$DOCKER_HOST" --dest-tls-verify=false docker-daemon:bb:latest "docker://$REG/skopeo:1"
step "tags there" sh -c "skopeo list-tags --tls-verify=false docker://$REG/skopeo | jq -c .Tags"
works "from a registry" copy --src-tls-verify=false --dest-daemon-host="$DOCKER_HOST" "docker://$REG/skopeo:1" docker-daemon:skopeo:registry
step "pull of what was pushed" sh -c "docker pull -q $REG/skopeo:1 && docker run --rm $REG/skopeo:1 echo pulled"
step "digests" sh -c "docker images --digests --format '{{.Repository}}:{{.Tag}} {{.Digest}}' | grep skopeo | sort"
fails "an image that is not there" skopeo inspect $H docker-daemon:nosuch:latest
fails "a name without a tag" copy --src-daemon-host="$DOCKER_HOST" docker-daemon:nosuch "dir:$PWD/x"
end
