# docker compose: a project from its build to its end, scale, watch and publish.
. "$SCENARIOS/steps.bash"
note client "$(docker compose version --short)"
mkdir s; printf 'FROM bb\nCOPY f /f\nCMD ["sleep","600"]\n' > Dockerfile; echo 1 > f; echo 1 > s/x; echo secret > token
cat > compose.yaml <<'Y'
name: cproject
services:
  web:
    build: .
    image: cweb
    environment: { A: b }
    secrets: [token]
    configs: [{ source: settings, target: /settings }]
    healthcheck: { test: ["CMD", "test", "-f", "/ready"], interval: 0.2s, retries: 50 }
    command: sh -c "sleep 0.5; touch /ready; exec sleep 600"
    volumes: ["data:/data"]
    networks: { front: { aliases: [site] }, back: {} }
    deploy: { resources: { limits: { memory: 64M, cpus: "0.5" } } }
    develop:
      watch:
        - { action: sync, path: ./s, target: /s }
        - { action: rebuild, path: ./f }
  worker:
    image: bb
    command: sh -c "echo begun; exec sleep 600"
    depends_on: { web: { condition: service_healthy } }
    networks: [back]
    scale: 2
    stop_signal: SIGKILL
  once:
    image: bb
    command: sh -c "echo done; exit 3"
    network_mode: none
    profiles: [jobs]
networks: { front: {}, back: { internal: true } }
volumes: { data: { labels: { kept: "yes" } } }
secrets: { token: { file: ./token } }
configs: { settings: { content: "x=1" } }
Y
dc() { docker compose "$@"; }
step "config" dc config --hash web
works "build" dc build --quiet
works "up" dc up -d --wait
step "ps" sh -c "docker compose ps -a --format '{{.Name}} {{.Service}} {{.State}} {{.Health}}' | sort"
step "labels" sh -c "docker inspect cproject-web-1 | jq -S '.[0].Config.Labels | del(.[\"com.docker.compose.project.working_dir\", \"com.docker.compose.project.config_files\", \"com.docker.compose.version\"])'"
step "names" dc exec -T worker sh -c 'ping -c 1 -W 2 -q web | grep received'
step "secret and config" dc exec -T web sh -c 'cat /run/secrets/token /settings; echo'
works "up again" dc up -d --wait
step "what was up stays" sh -c "docker compose up -d --wait 2>&1 | grep -c Recreate; true"
step "scale" sh -c "docker compose up -d --wait --scale worker=3 >/dev/null 2>&1; docker compose ps -q worker | wc -l"
step "exec in the third" dc exec -T --index 3 worker sh -c 'echo $0 inside'
fails "exec that fails" dc exec -T web sh -c 'exit 6'
step "logs" sh -c 'docker compose logs --no-color worker | sort'
fails "run that fails" dc run --rm -T once
step "run with another command" dc run --rm -T --no-deps worker echo ran
step "copy" sh -c 'echo c > c; docker compose cp c web:/c 2>/dev/null; docker compose exec -T web cat /c'
step "top" sh -c "docker compose top web | grep -c sleep"
step "images" sh -c "docker compose images --format json | jq -c '[.[] | [.Repository, .Tag]] | sort'"
step "port of nothing" sh -c 'docker compose port web 80 2>&1; true'
step "pause and unpause" sh -c "docker compose pause worker 2>/dev/null; docker compose ps -q --status paused | wc -l; docker compose unpause worker 2>/dev/null"
step "kill and restart" sh -c 'docker compose kill -s KILL worker 2>/dev/null; docker compose restart -t 0 worker 2>/dev/null; docker compose ps -q --status running worker | wc -l'
step "events" sh -c "timeout 4 docker compose events --json >ev & sleep 1; docker compose restart -t 0 web 2>/dev/null; wait; jq -r '[.service, .action] | join(\" \")' ev | grep -v exec | sort | uniq -c"
dc watch --no-up >watch.out 2>&1 & watcher=$!
soon grep -q 'atch enabled' watch.out
echo 2 > s/x
step "watch: a file is synchronized" soon dc exec -T web grep -q 2 /s/x
echo 2 > f
step "watch: an image is built again" soon dc exec -T web grep -q 2 /f
kill $watcher; wait $watcher 2>/dev/null
sed -i 's/A: b/A: c/' compose.yaml
step "a change makes one service anew" sh -c "docker compose up -d --wait 2>&1 | grep -E 'Recreated' | sed -E 's/ +[0-9.]+s *$//' | sort"
step "ls" sh -c "docker compose ls --format json | jq -c '[.[] | [.Name, .Status]]'"
step "stop and rm" sh -c 'docker compose stop -t 0 worker 2>/dev/null; docker compose rm -f worker >/dev/null 2>&1; docker compose ps -aq worker | wc -l'
step "publish" sh -c "docker tag cweb $REG/cweb; docker push -q $REG/cweb; sed 's#image: cweb#image: $REG/cweb#; /build:/d; /content:/d; /settings/d; /develop:/,/rebuild/d' compose.yaml > p.yaml; docker compose -f p.yaml publish -y $REG/cproject:1 2>&1 | grep -oE 'published|unknown.*|error.*|rror: .*' | sort -u"
works "down" dc down -v -t 0 --remove-orphans
step "nothing is left" sh -c 'docker ps -aq --filter label=com.docker.compose.project=cproject | wc -l; docker volume ls -q | grep -c cproject; docker network ls -q --filter name=cproject | wc -l'
end
