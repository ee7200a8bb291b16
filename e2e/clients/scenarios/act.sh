# act, which runs workflows of GitHub Actions in containers.
. "$SCENARIOS/steps.bash"
note client "$("$ACT" --version | sed 's/act version //')"
git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one
mkdir -p .github/workflows
cat > .github/workflows/ci.yaml <<'Y'
on: push
defaults: { run: { shell: sh } }
jobs:
  build:
    runs-on: ubuntu-latest
    env: { JOB: variable }
    outputs: { made: "${{ steps.make.outputs.made }}" }
    steps:
      - { id: make, run: "echo made=it >> $GITHUB_OUTPUT; echo LATER=yes >> $GITHUB_ENV; echo $JOB" }
      - run: echo $LATER; pwd; cat file
  uses:
    needs: build
    runs-on: ubuntu-latest
    container: { image: "bb:latest", env: { C: inside }, options: "--cpus 1 --label of=act" }
    services:
      site: { image: "bb:latest", options: "--entrypoint sleep" }
    strategy: { matrix: { v: [1, 2] } }
    steps:
      - run: echo ${{ needs.build.outputs.made }} ${{ matrix.v }} $C
  fails:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - run: echo before; exit 4
      - { if: always(), run: echo after }
Y
echo from the folder > file
run() { "$ACT" push -W .github/workflows/ci.yaml -P ubuntu-latest=bb:latest --pull=false --container-daemon-socket - "$@" 2>&1 | grep '|' | sed -E 's/^.*\| +//' | sort; return "${PIPESTATUS[0]}"; }
step "a job" run -j build
step "a job in a container, with a matrix" run -j uses
fails "a job that fails" run -j fails
step "nothing is left" sh -c 'docker ps -aq; docker network ls -q --filter name=act | wc -l'
end
