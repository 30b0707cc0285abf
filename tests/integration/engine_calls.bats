#!/usr/bin/env bats
# What engines really call, with the runtime alone. dockerd and containerd give --root, --log and --log-format before
# everything else; podman gives none of them and comes through conmon. tests/engines/ has the engines themselves.

load helpers
load process

setup() {
  setup_test
  make_bundle b '.process.args = ["sleep", "1000"]'
  ID=$(new_id)
}

teardown() {
  # Those without --root are in the runtime's own folder.
  "$ROCKER_RUNC" delete --force "$ID" >/dev/null 2>&1 || :
  teardown_test
}

# As containerd's go-runc has it.
containerd_calls() { "$ROCKER_RUNC" --root "$TEST_DIR/runc" --log "$TEST_DIR/log.json" --log-format json "$@"; }

created() { # OPTION...
  containerd_calls create --bundle "$TEST_DIR/b" --pid-file "$TEST_DIR/pid" "$@" "$ID" </dev/null >create.out 2>&1 3>&-
}

@test "containerd: create, start, state, kill, delete" {
  created
  [[ $(cat pid) = "$(containerd_calls state "$ID" | jq .pid)" ]]
  [[ $(cat pid) = +([0-9]) ]]
  kill -0 "$(cat pid)"
  run containerd_calls state "$ID"
  assert_json .status '"created"'
  run containerd_calls start "$ID"
  assert_success
  assert_output ''
  run containerd_calls state "$ID"
  assert_json .status '"running"'
  assert_json .bundle "\"$TEST_DIR/b\""
  run containerd_calls kill "$ID" 9
  assert_success
  wait_until 10 sh -c "! kill -0 $(cat pid) 2>/dev/null"
  run containerd_calls delete "$ID"
  assert_success
  assert_output ''
  run --separate-stderr containerd_calls state "$ID"
  assert_failure
  [[ $stderr == *'does not exist'* ]]
  assert_no_leftovers
}

@test "containerd: kill --all, and of what is gone" {
  created
  containerd_calls start "$ID"
  run containerd_calls kill --all "$ID" 9
  assert_success
  wait_until 10 sh -c "! kill -0 $(cat pid) 2>/dev/null"
  # go-runc looks for these words to know that it is not an error for it.
  run --separate-stderr containerd_calls kill "$ID" 9
  assert_failure
  [[ $stderr == *'not running'* || $stderr == *'process already finished'* ]]
  run containerd_calls kill --all "$ID" 9
  assert_success
  run containerd_calls delete --force "$ID"
  assert_success
  run containerd_calls delete --force "$ID"
  assert_success
}

@test "containerd: delete --force of a created, of a running container, and of none" {
  created
  run containerd_calls delete --force "$ID"
  assert_success
  assert_no_leftovers
  created
  containerd_calls start "$ID"
  run containerd_calls delete --force "$ID"
  assert_success
  assert_no_leftovers
  run containerd_calls delete --force no-such-container
  assert_success
  run --separate-stderr containerd_calls delete no-such-container
  assert_failure
  [[ $stderr == *'does not exist'* ]]
}

@test "containerd: exec of a process.json, detached, with a pid file" {
  created
  containerd_calls start "$ID"
  jq '.process | .args = ["sh", "-c", "echo $$ >/exec-pid; sleep 1000"]' b/config.json >process.json
  # Not by `run`: the process keeps the descriptors that it was given.
  containerd_calls exec --process process.json --detach --pid-file "$TEST_DIR/exec.pid" "$ID" </dev/null >exec.out 2>&1 3>&-
  wait_until 10 test -s b/rootfs/exec-pid
  # The host's number, and another inside.
  [[ $(grep NSpid "/proc/$(cat exec.pid)/status") = *$'\t'$(cat b/rootfs/exec-pid) ]]
  containerd_calls kill "$ID" 9
  wait_until 10 sh -c "! kill -0 $(cat exec.pid) 2>/dev/null"
}

@test "containerd: pause, resume, ps, update" {
  created
  containerd_calls start "$ID"
  run containerd_calls ps --format json "$ID"
  assert_success
  assert_output "[$(cat pid)]"
  run containerd_calls pause "$ID"
  assert_success
  run containerd_calls state "$ID"
  assert_json .status '"paused"'
  run containerd_calls resume "$ID"
  assert_success
  run containerd_calls state "$ID"
  assert_json .status '"running"'
}

# Zero is "unset" in what Docker sends, not a limit; devices in an update of containerd's CRI say nothing.
@test "docker and containerd: update" {
  needs cgroup v1
  edit_config b '.linux.resources.memory = {limit: 67108864} | .linux.resources.cpu = {shares: 300}'
  created
  containerd_calls start "$ID"
  run containerd_calls update --resources - "$ID" <<'JSON'
{"memory":{"limit":0,"reservation":0,"kernel":0},"cpu":{"shares":0,"quota":70000,"period":100000},"blockIO":{"weight":0},
 "devices":[{"allow":false,"access":"rwm"}]}
JSON
  assert_success
  assert_output ''
  [[ $(cat "$(cgroup_dir memory "$(cat pid)")/memory.limit_in_bytes") = 67108864 ]]
  [[ $(cat "$(cgroup_dir cpu "$(cat pid)")/cpu.shares") = 300 ]]
  [[ $(cat "$(cgroup_dir cpu "$(cat pid)")/cpu.cfs_quota_us") = 70000 ]]
  run containerd_calls exec "$ID" sh -c 'echo x >/dev/null && echo still'
  assert_output still
}

@test "containerd: a terminal goes to --console-socket, of create and of exec" {
  needs command python3
  cat >console.py <<'PY'
import array, os, socket, sys, time
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(sys.argv[1])
server.listen(2)
print("listening", flush=True)
for _ in range(2):
    connection, _ = server.accept()
    _, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
    master = array.array("i", control[0][2][:4])[0]
    os.write(master, b"echo from-$((40 + 2))\nexit\n")
    text = b""
    try:
        while True:
            part = os.read(master, 4096)
            if not part: break
            text += part
            if b"from-42" in text: break
    except OSError:
        pass
    print(text.decode().replace("\r", ""), flush=True)
PY
  python3 console.py "$TEST_DIR/console" >console.log 2>&1 3>&- &
  local server=$!
  wait_until 10 grep -q listening console.log
  edit_config b '.process.terminal = true | .process.args = ["sh", "-c", "sh; sleep 1000"]'
  created --console-socket "$TEST_DIR/console"
  containerd_calls start "$ID"
  wait_until 10 grep -q '^from-42' console.log
  jq '.process | .terminal = true | .args = ["sh"]' b/config.json >process.json
  run containerd_calls exec --process process.json --console-socket "$TEST_DIR/console" --detach \
    --pid-file "$TEST_DIR/exec.pid" "$ID" </dev/null 3>&-
  assert_success
  wait "$server"
  [[ $(grep -c '^from-42' console.log) = 2 ]]
}

@test "containerd: an error is one JSON object in the log, also of a command line that does not parse" {
  run --separate-stderr containerd_calls create --bundle /nowhere "$ID"
  assert_failure
  [[ $(jq -r 'select(.level == "error") | .msg' log.json) == *nowhere* ]]
  jq -e 'select(.level == "error") | .time' log.json
  : >log.json
  run --separate-stderr containerd_calls create --no-such-option "$ID"
  assert_failure
  [[ $(jq -r 'select(.level == "error") | .msg' log.json) == *no-such-option* ]]
  : >log.json
  edit_config b '.process.args = ["/nope"]'
  run -127 created
  [[ $(jq -r 'select(.level == "error") | .msg' log.json) == *'"/nope": no such file or directory'* ]]
}

# Docker makes exit codes out of these: 127, 127, 126.
@test "docker: the words for what can't be executed" {
  local program text
  while IFS='|' read -r program text; do
    edit_config b '.process.args = [$p]' --arg p "$program"
    ! created
    grep -qF "$text" create.out || fail "$program: $(cat create.out)"
  done <<'END'
nope|executable file not found
/nope|no such file or directory
/etc|permission denied
END
}

@test "docker: the prestart hook gets the state, with the pid, on stdin" {
  cat >hook <<'SH'
#!/bin/sh
cat >"$1"
readlink "/proc/$(sed 's/.*"pid":\([0-9]*\).*/\1/' "$1")/ns/net" >"$1.netns"
SH
  chmod 755 hook
  edit_config b '.hooks = {prestart: [{path: $h, args: ["hook", $f]}]}' --arg h "$TEST_DIR/hook" --arg f "$TEST_DIR/state"
  created
  assert_json .id "\"$ID\"" state
  assert_json .pid "$(cat pid)" state
  assert_json .status '"creating"' state
  [[ $(cat state.netns) = "$(readlink "/proc/$(cat pid)/ns/net")" ]]
  [[ $(cat state.netns) != "$(readlink /proc/self/ns/net)" ]]
}

@test "podman: create, start, exec, kill and delete without --root and --log" {
  "$ROCKER_RUNC" create --bundle "$TEST_DIR/b" --pid-file "$TEST_DIR/pid" "$ID" </dev/null >create.out 2>&1 3>&-
  run "$ROCKER_RUNC" start "$ID"
  assert_success
  jq '.process | .args = ["sleep", "1000"]' b/config.json >process.json
  "$ROCKER_RUNC" exec --pid-file "$TEST_DIR/exec.pid" --process process.json --detach "$ID" </dev/null >exec.out 2>&1 3>&-
  kill -0 "$(cat exec.pid)"
  run "$ROCKER_RUNC" state "$ID"
  assert_json .status '"running"'
  run "$ROCKER_RUNC" kill "$ID" 15
  assert_success
  # sleep as the init of its pid namespace has no handler for it: nothing happens, as in every runtime.
  kill -0 "$(cat pid)"
  run "$ROCKER_RUNC" kill "$ID" KILL
  assert_success
  wait_until 10 sh -c "! kill -0 $(cat pid) 2>/dev/null"
  run "$ROCKER_RUNC" delete --force "$ID"
  assert_success
  assert_no_leftovers
}
