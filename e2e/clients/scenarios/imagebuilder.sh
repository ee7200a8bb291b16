# OpenShift's imagebuilder, which builds by containers, archives and commits.
. "$SCENARIOS/steps.bash"
note client "$(dpkg-query -W -f '${Version}' openshift-imagebuilder)"
printf 'FROM bb AS first\nARG WHO=nobody\nENV A=b\nRUN echo $WHO > /who && mkdir -p /d && chown 7:8 /d\nFROM bb\nCOPY --from=first /who /who\nCOPY f d/ /data/\nADD t.tar /t/\nLABEL of=imagebuilder\nUSER nobody\nWORKDIR /data\nEXPOSE 80\nVOLUME /v\nENTRYPOINT ["cat"]\nCMD ["/who"]\n' > Dockerfile
echo hello > f; mkdir d; echo two > d/g; tar cf t.tar f
ib() { imagebuilder "$@"; }
works "build" ib -allow-pull=false -build-arg WHO=me -t ib:1 .
step "run" docker run --rm ib:1
step "its files" docker run --rm --entrypoint sh ib:1 -c 'id -un; pwd; cat /data/f /data/g /t/f'
step "its configuration" sh -c "docker inspect ib:1 | jq -S '.[0].Config | {User, ExposedPorts, Env, Cmd, Entrypoint, Volumes, WorkingDir, Labels}'"
step "its history" docker history --format '{{.Comment}}' ib:1
works "a stage" ib -allow-pull=false -target first -t ib:first .
step "its owner" docker run --rm ib:first stat -c '%u:%g' /d
printf 'FROM bb\nRUN exit 3\n' > Failing
fails "a step that fails" sh -c 'imagebuilder -allow-pull=false -skip_headers -f Failing . 2>&1 | grep -v "^-->"; exit 1'
printf 'FROM nosuch:latest\nRUN true\n' > Missing
fails "an image that is not there" sh -c 'imagebuilder -allow-pull=false -f Missing . 2>&1 | sed "s/.*] //"; exit 1'
step "no container is left" docker ps -aq
end
