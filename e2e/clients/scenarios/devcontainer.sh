# The Dev Containers CLI: containers from an image, a Dockerfile with a feature, and a project of compose.
. "$SCENARIOS/steps.bash"
dev() { "$NODE" "$DEVCONTAINER" "$@" --docker-path docker; }
note client "$("$NODE" "$DEVCONTAINER" --version)"
# up FOLDER OPTIONS: what the command says of the container, without its id.
up() { local f=$1; shift; dev up --workspace-folder "$f" "$@" 2>"$f/log" | jq -cS 'del(.containerId)'; local rc=${PIPESTATUS[0]}; [ $rc = 0 ] || tail -5 "$f/log"; return $rc; }
inside() { local f=$1; shift; "$NODE" "$DEVCONTAINER" exec --docker-path docker --workspace-folder "$f" "$@" 2>/dev/null; }
mkdir -p image/.devcontainer built/.devcontainer/feature project/.devcontainer
echo in the workspace > image/f
cat > image/.devcontainer/devcontainer.json <<'J'
{
  "image": "bb",
  "containerEnv": { "A": "b" },
  "remoteEnv": { "R": "${containerEnv:A}c" },
  "mounts": ["source=devdata,target=/data,type=volume"],
  "runArgs": ["--label", "of=devcontainer", "--cap-add", "SYS_PTRACE"],
  "init": true,
  "onCreateCommand": "echo on create >> /tmp/order",
  "postCreateCommand": { "one": "echo post create >> /tmp/order" },
  "postStartCommand": ["sh", "-c", "echo post start >> /tmp/order"],
  "overrideCommand": true
}
J
step "up by an image" up image
step "its commands, in their order" inside image cat /tmp/order
step "its environment" inside image sh -c 'echo $A $R'
step "its workspace" inside image cat f
step "its container" sh -c "docker inspect \$(docker ps -q --filter label=of=devcontainer) | jq -cS '.[0] | [.HostConfig.CapAdd, .HostConfig.Init, [.Mounts[] | .Type, .Destination], .Config.Entrypoint]'"
step "up again, the same" up image
step "how often it started" inside image sh -c 'grep -c start /tmp/order'
step "up anew" up image --remove-existing-container
fails "exec that fails" inside image sh -c 'exit 4'
step "read-configuration" sh -c '"$NODE" "$DEVCONTAINER" read-configuration --workspace-folder image --docker-path docker | jq -cS .configuration.image'
docker ps -aq | xargs docker rm -f >/dev/null
printf 'FROM bb\nARG WHO\nRUN echo $WHO > /who\n' > built/.devcontainer/Dockerfile
cat > built/.devcontainer/devcontainer.json <<'J'
{ "build": { "dockerfile": "Dockerfile", "args": { "WHO": "me" } }, "features": { "./feature": { "word": "hello" } }, "updateRemoteUserUID": false }
J
echo '{ "id": "feature", "version": "1.0.0", "name": "Feature", "options": { "word": { "type": "string", "default": "none" } }, "containerEnv": { "FEATURE": "yes" } }' > built/.devcontainer/feature/devcontainer-feature.json
printf '#!/bin/sh\necho "$WORD" > /word\n' > built/.devcontainer/feature/install.sh
step "up by a Dockerfile with a feature" up built
step "what was built" inside built sh -c 'cat /who /word; echo $FEATURE'
step "build" sh -c '"$NODE" "$DEVCONTAINER" build --workspace-folder built --docker-path docker --image-name devbuilt 2>/dev/null | jq -c .'
step "its metadata" sh -c "docker inspect devbuilt | jq -r '.[0].Config.Labels[\"devcontainer.metadata\"]'"
cat > project/.devcontainer/compose.yaml <<'Y'
services:
  app: { image: bb, command: sleep 600, volumes: ["..:/workspace"] }
  side: { image: bb, command: sleep 600 }
Y
echo '{ "dockerComposeFile": "compose.yaml", "service": "app", "workspaceFolder": "/workspace", "postCreateCommand": "echo made > /made" }' > project/.devcontainer/devcontainer.json
step "up by compose" up project
step "the other service" inside project sh -c 'cat /made; ping -c 1 -W 2 side | grep -c received'
end
