# Steps of a scenario in bash: each is written to $STEPS as it ends. $IMG is a busybox image, $REG the engine's registry.
export BUILDKIT_PROGRESS=plain COMPOSE_ANSI=never COMPOSE_PROGRESS=plain
broken=
# note NAME TEXT: writes a step with what came of it.
note() { jq -cn --arg name "$1" --arg text "$2" '[$name, $text]' >>"$STEPS"; }
# taken NAME RC OUT: writes what a command did.
taken() { jq -cn --arg name "$1" --argjson rc "$2" --arg out "$3" '[$name, {rc: $rc, out: $out}]' >>"$STEPS"; }
# step NAME CMD...: what the command wrote; one that fails ends the scenario badly.
step() { local n=$1 out rc; shift; out=$("$@" 2>&1 </dev/null); rc=$?; taken "$n" $rc "$out"; [ $rc = 0 ] || { broken+=" $n"; echo "$n: rc $rc: $out"; }; return $rc; }
# works NAME CMD...: the same, where what the command wrote says nothing.
works() { local n=$1 out rc; shift; out=$("$@" 2>&1 </dev/null); rc=$?; taken "$n" $rc ""; [ $rc = 0 ] || { broken+=" $n"; echo "$n: rc $rc: $out"; }; return $rc; }
# fails NAME CMD...: a command that has to fail, and what it wrote.
fails() { local n=$1 out rc; shift; out=$("$@" 2>&1 </dev/null); rc=$?; taken "$n" $rc "$out"; [ $rc != 0 ] || { broken+=" $n"; echo "$n: did not fail: $out"; }; }
# tries NAME CMD...: a command that an engine may refuse, and what it wrote.
tries() { local n=$1 out rc; shift; out=$("$@" 2>&1 </dev/null); rc=$?; taken "$n" $rc "$out"; }
# soon CMD...: up to 20 seconds until the command succeeds.
soon() { local i; for i in $(seq 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; echo "gave up: $*"; return 1; }
# end: ends the scenario, with status 1 where a step went wrong.
end() { [ -z "$broken" ] || { echo "went wrong:$broken"; exit 1; }; exit 0; }
