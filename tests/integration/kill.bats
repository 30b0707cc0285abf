#!/usr/bin/env bats
# kill: runtime.md, "Kill".
# vm: v2 systemd

load helpers
load lifecycle

# Says which signal it got, and lives on.
listening_bundle() {
  make_bundle b '.process.args = ["sh", "-c", $script]' --arg script '
    for s in HUP USR1 USR2 TERM WINCH; do trap "echo $s >>/got" $s; done
    echo ready >>/got
    while :; do sleep 0.05; done'
  run_detached "$(new_id)" b
  wait_until 5 grep -q ready b/rootfs/got
}

@test "kill: names with and without SIG, in any case, and numbers" {
  listening_bundle
  local signal
  for signal in HUP SIGUSR1 sigusr2 12 1 SigWinch 10; do rocker_runc kill "$(new_id)" "$signal"; sleep 0.15; done
  got() { [[ $(sed 1d b/rootfs/got | tr '\n' ' ') = 'HUP USR1 USR2 USR2 HUP WINCH USR1 ' ]]; }
  wait_until 5 got
}

@test "kill: SIGTERM when none is given" {
  listening_bundle
  rocker_runc kill "$(new_id)"
  wait_until 5 grep -qx TERM b/rootfs/got
}

@test "kill: real-time signals" {
  sleeping_bundle b
  for signal in RTMIN SIGRTMIN+3 RTMAX-1 64; do
    run_detached "$(new_id)" b
    # init of a pid namespace gets none that it has no handler for, so the kernel says only that it took it.
    run --separate-stderr rocker_runc kill "$(new_id)" "$signal"
    assert_success
    rocker_runc delete -f "$(new_id)"
  done
}

@test "kill: a created container too" {
  sleeping_bundle b
  create_container "$(new_id)" b
  rocker_runc kill "$(new_id)" KILL
  wait_until 5 is_status "$(new_id)" stopped
}

@test "kill: a stopped container is an error, in the words that engines look for" {
  sleeping_bundle b
  run_detached "$(new_id)" b
  rocker_runc kill "$(new_id)" 9
  wait_until 5 is_status "$(new_id)" stopped
  run --separate-stderr rocker_runc kill "$(new_id)" 9
  assert_failure 1
  assert_one_error_line 'container not running'
  run --separate-stderr rocker_runc kill "$(new_id other)" 9
  assert_failure 1
  assert_one_error_line 'does not exist'
}

@test "kill: a signal that is none" {
  sleeping_bundle b
  run_detached "$(new_id)" b
  local signal
  for signal in NOPE 65 -1 99999999999999999999 RTMIN+99 RTMIN- SIG ''; do
    run --separate-stderr rocker_runc kill -- "$(new_id)" "$signal"
    assert_failure 1
    assert_one_error_line kill
  done
  assert_equal "$(container_status "$(new_id)")" running
}

@test "kill: --all reaches every process, also without a pid namespace and when init is gone" {
  make_bundle b '.linux.namespaces |= map(select(.type != "pid")) | .process.args = ["sh", "-c", $script]' --arg script '
    sleep 1111 & echo $! >/child; exec sleep 1112'
  run_detached "$(new_id)" b
  wait_until 5 test -s b/rootfs/child
  local child init
  child=$(cat b/rootfs/child)
  init=$(container_pid "$(new_id)")
  rocker_runc kill "$(new_id)" KILL
  wait_until 5 is_gone "$init"
  [[ -d /proc/$child ]]
  rocker_runc kill --all "$(new_id)" KILL
  wait_until 5 is_gone "$child"
  rocker_runc delete "$(new_id)"
  assert_nothing_made
}

@test "kill: --all with a signal that the processes handle" {
  make_bundle b '.process.args = ["sh", "-c", $script]' --arg script '
    (trap "echo child >>/got; exit" TERM; echo ready >>/got; while :; do sleep 0.05; done) &
    trap "echo init >>/got; wait; exit" TERM; echo ready >>/got; while :; do sleep 0.05; done'
  run_detached "$(new_id)" b
  ready() { [[ $(grep -c ready b/rootfs/got) = 2 ]]; }
  wait_until 5 ready
  rocker_runc kill -a "$(new_id)" TERM
  wait_until 5 is_status "$(new_id)" stopped
  grep -q init b/rootfs/got
  grep -q child b/rootfs/got
}

@test "a user's container that has no cgroup of its own: what needs one says so, and the container is killed without" {
  local id verb
  make_bundle c '.process.args = ["sleep", "1000"] | .root.path = $rootfs | del(.linux.resources) | del(.linux.cgroupsPath)
    | .linux.namespaces += [{type: "user"}] | .linux.namespaces |= map(select(.type != "network"))
    | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}] | .linux.gidMappings = [{containerID: 0, hostID: 1000, size: 1}]
    | .mounts |= map(select(.type != "cgroup" and .type != "sysfs") | if .options then .options -= ["gid=5"] else . end)' --arg rootfs "$(busybox_rootfs)"
  mkdir -m 777 user
  chmod 755 c
  id=$(new_id c)
  as_user() { timeout 20 setpriv --reuid 1000 --regid 1000 --clear-groups "$ROCKER_RUNC" --root "$TEST_DIR/user" "$@"; }
  as_user run -d -b c "$id" </dev/null >out 2>&1 3>&- 4>&- || { cat out >&2; false; }
  for verb in 'kill --all' ps pause 'update --pids-limit 5'; do
    # shellcheck disable=SC2086  # a verb and its options
    run --separate-stderr as_user $verb "$id"
    assert_failure
    assert_one_error_line 'no cgroup of its own'
  done
  as_user delete -f "$id"
  run as_user list -q
  assert_output ''
  # And without a pid namespace nothing ends the others.
  edit_config c '.linux.namespaces |= map(select(.type != "pid"))
    | .mounts |= map(if .destination == "/proc" then {destination: "/proc", type: "bind", source: "/proc", options: ["rbind"]} else . end)'
  as_user run -d -b c "$id" </dev/null >out 2>&1 3>&- 4>&- || { cat out >&2; false; }
  run as_user delete -f "$id"
  assert_success
  assert_output --partial 'only its init is killed'
}
