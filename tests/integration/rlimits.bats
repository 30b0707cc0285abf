#!/usr/bin/env bats
# process.rlimits: config.md, "POSIX process". Who may not raise hard limits here may do so in a guest.
# vm: v2

load helpers
load process

@test "rlimits: soft and hard are those of config.json" {
  make_bundle b '.process.args = ["cat", "/proc/self/limits"] | .process.rlimits = [
    {type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
    {type: "RLIMIT_NPROC", soft: 77, hard: 88}, {type: "RLIMIT_RTTIME", soft: 5, hard: 6},
    {type: "RLIMIT_STACK", soft: 4194304, hard: 4194304}]'
  run run_bundle b
  assert_success
  assert_line --regexp '^Max open files +100 +200 '
  assert_line --regexp '^Max core file size +0 +0 '
  assert_line --regexp '^Max processes +77 +88 '
  assert_line --regexp '^Max realtime timeout +5 +6 '
  assert_line --regexp '^Max stack size +4194304 +4194304 '
  assert_same_as b runc crun
}

@test "rlimits: a hard limit is raised, for run and for exec" {
  needs capability cap_sys_resource
  make_bundle b '.process.args = ["sleep", "100"] | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 300000, hard: 400000}]'
  bash -c 'ulimit -Hn 5000 && exec "$@"' - "$ROCKER_RUNC" --root "$RUNC_ROOT" run -d --bundle b "$(new_id)" \
    </dev/null >log 2>&1 3>&- 4>&- || fail "$(cat log)"
  run cat "/proc/$(rocker_runc state "$(new_id)" | jq .pid)/limits"
  assert_line --regexp '^Max open files +300000 +400000 '
  run bash -c 'ulimit -Hn 5000 && exec "$@"' - "$ROCKER_RUNC" --root "$RUNC_ROOT" exec "$(new_id)" cat /proc/self/limits
  assert_line --regexp '^Max open files +300000 +400000 '
}

@test "rlimits: a user namespace gets them as well" {
  needs userns
  make_bundle b '.process.args = ["cat", "/proc/self/limits"] | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]
    | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  chown -R 100000:100000 b/rootfs
  run run_bundle b
  assert_success
  assert_line --regexp '^Max open files +100 +200 '
}

@test "rlimits: exec has those of config.json" {
  make_bundle b '.process.args = ["sleep", "100"] | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]'
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" cat /proc/self/limits
  assert_line --regexp '^Max open files +100 +200 '
}

@test "rlimits: one that does not exist, one that is there twice, a soft one above the hard one" {
  make_bundle b '.process.rlimits = [{type: "RLIMIT_NOPE", soft: 1, hard: 1}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line RLIMIT_NOPE
  edit_config b '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 1, hard: 1}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line RLIMIT_CORE
  edit_config b '.process.rlimits = [{type: "RLIMIT_CORE", soft: 2, hard: 1}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'above the hard one'
  assert_no_leftovers
}

@test "rlimits: raising a hard limit without CAP_SYS_RESOURCE says what it needs" {
  ! capsh --has-p=cap_sys_resource >/dev/null 2>&1 || skip 'needs a host without CAP_SYS_RESOURCE'
  make_bundle b '.process.rlimits = [{type: "RLIMIT_MEMLOCK", soft: 4611686018427387904, hard: 4611686018427387904}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line CAP_SYS_RESOURCE
  assert_no_leftovers
}
