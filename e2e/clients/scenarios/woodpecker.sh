# woodpecker's docker backend, by the pipelines that its command line runs.
. "$SCENARIOS/steps.bash"
note client "$("$WOODPECKER_CLI" --version | awk '{ print $NF }')"
cat > .woodpecker.yaml <<'Y'
when: { event: manual }
steps:
  build: { image: bb:latest, commands: ["echo built > made", "pwd"], environment: { A: b } }
  test: { image: bb:latest, commands: ["cat made", "ping -c 1 -W 2 side | grep -c received"] }
services:
  side: { image: bb:latest, commands: ["sleep 60"] }
Y
printf 'when: { event: manual }\nsteps:\n  bad: { image: bb:latest, commands: ["echo why; exit 3"] }\n' > bad.yaml
run() { "$WOODPECKER_CLI" exec --backend-engine docker --repo-path "$PWD" "$@" 2>&1 | sed -nE 's/^\[([a-z]+):L([0-9]+):[0-9]+s\] /\1 \2 /p' | sort; return "${PIPESTATUS[0]}"; }
step "a pipeline" run .woodpecker.yaml
fails "one that fails" run bad.yaml
step "nothing is left" sh -c 'docker ps -aq --filter name=wp_; docker volume ls -q | grep -c wp_; docker network ls -q --filter name=wp_'
end
