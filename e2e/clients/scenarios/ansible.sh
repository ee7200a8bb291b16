# Ansible's modules for Docker: what they make, that they change nothing the second time, and what they tell.
. "$SCENARIOS/steps.bash"
export ANSIBLE_STDOUT_CALLBACK=json ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_DEPRECATION_WARNINGS=false
export ANSIBLE_LOCAL_TEMP=$PWD/tmp ANSIBLE_REMOTE_TEMP=$PWD/tmp
note client "$(ansible-galaxy collection list community.docker 2>/dev/null | awk '$1 == "community.docker" { print $2; exit }')"
printf 'FROM bb\nCOPY f /f\nLABEL of=ansible\n' > Dockerfile; echo hello > f
cp "$SCENARIOS/ansible.yaml" play.yaml
ansible-playbook -c local -i localhost, play.yaml -e ansible_python_interpreter=/usr/bin/python3 -e registry="$REG" >out.json 2>err
rc=$?
# Of each task: whether it changed something, failed, and what was kept of its result.
jq -c '.plays[].tasks[] | [.task.name, (.hosts.localhost | {changed, failed: (.failed // false), msg: (.msg // ""), shown: (.ansible_facts.shown // null)})]' out.json >>"$STEPS"
[ $rc = 0 ] || { jq -r '.plays[].tasks[] | select(.hosts.localhost.failed) | .task.name, .hosts.localhost.msg, .hosts.localhost.module_stderr' out.json; tail err; exit 1; }
end
