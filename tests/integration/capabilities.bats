#!/usr/bin/env bats
# process.capabilities: config.md, "Linux Process".

load helpers
load process

status_lines='grep Cap /proc/self/status'

@test "capabilities: the five sets are as config.json has them" {
  make_bundle b '.process.args = ["sh", "-c", $script] | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {
      bounding: ["CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "CAP_CHOWN"],
      permitted: ["CAP_NET_RAW", "CAP_NET_BIND_SERVICE"], effective: ["CAP_NET_RAW", "CAP_NET_BIND_SERVICE"],
      inheritable: ["CAP_NET_RAW", "CAP_NET_BIND_SERVICE"], ambient: ["CAP_NET_BIND_SERVICE"]}' \
    --arg script "$status_lines"
  run --separate-stderr run_bundle b
  assert_success
  # What an execve by a user who is not root leaves (capabilities(7)).
  assert_line $'CapInh:\t0000000000002400'
  assert_line $'CapPrm:\t0000000000000400'
  assert_line $'CapEff:\t0000000000000400'
  assert_line $'CapBnd:\t0000000000002401'
  assert_line $'CapAmb:\t0000000000000400'
  assert_equal "$stderr" ''
  assert_same_as b runc crun
}

@test "capabilities: root gets the bounding set, and none when it is empty" {
  make_bundle b '.process.args = ["sh", "-c", $script] | .process.capabilities = {bounding: ["CAP_KILL"],
      permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}' --arg script "$status_lines"
  run run_bundle b
  assert_success
  assert_line $'CapEff:\t0000000000000020'
  assert_line $'CapBnd:\t0000000000000020'
  assert_same_as b runc crun
  edit_config b '.process.capabilities = {}'
  run run_bundle b
  assert_success
  assert_line $'CapEff:\t0000000000000000'
  assert_line $'CapBnd:\t0000000000000000'
}

@test "capabilities: an unknown one is a warning, once, and the container runs" {
  make_bundle b '.process.args = ["echo", "runs"] | .process.capabilities |= map_values(. + ["CAP_NOPE"])'
  run --separate-stderr run_bundle b
  assert_success
  assert_output 'runs'
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *CAP_NOPE* ]]
}

@test "capabilities: one that rocker-runc does not have is a warning" {
  needs command capsh
  if capsh --has-p=cap_sys_resource >/dev/null 2>&1; then
    runner=(capsh --drop=cap_sys_resource -- -c)
  else
    runner=(sh -c)
  fi
  make_bundle b '.process.args = ["echo", "runs"] | .process.capabilities |= map_values(. + ["CAP_SYS_RESOURCE"])'
  run --separate-stderr "${runner[@]}" "exec '$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id) </dev/null"
  assert_success
  assert_output 'runs'
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *CAP_SYS_RESOURCE* ]]
}

@test "capabilities: a user namespace has all of them to give" {
  needs userns
  make_bundle b '.process.args = ["sh", "-c", $script] | .process.capabilities |= map_values(["CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"])
    | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings' \
    --arg script "$status_lines"
  chown -R 100000:100000 b/rootfs
  run --separate-stderr run_bundle b
  assert_success
  assert_line $'CapBnd:\t0000000001200000'
  assert_equal "$stderr" ''
}

@test "capabilities: exec has those of config.json, and those of --cap" {
  make_bundle b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" grep CapEff /proc/self/status
  assert_output $'CapEff:\t0000000020000420'
  run rocker_runc exec --cap CAP_SYS_CHROOT "$(new_id)" grep CapEff /proc/self/status
  assert_success
  assert_output $'CapEff:\t0000000020040420'
}

@test "capabilities: noNewPrivileges is set, and only when it is asked for" {
  make_bundle b '.process.args = ["grep", "NoNewPrivs", "/proc/self/status"] | .process.noNewPrivileges = true'
  run run_bundle b
  assert_output $'NoNewPrivs:\t1'
  edit_config b '.process.noNewPrivileges = false'
  run run_bundle b
  assert_output $'NoNewPrivs:\t0'
}

@test "capabilities: a config.json that names none gives none, not the caller's" {
  make_bundle b '.process.args = ["grep", "^Cap", "/proc/self/status"] | del(.process.capabilities)'
  run run_bundle b
  assert_success
  refute_output --regexp '[1-9a-f]$'
  assert_same_as b runc crun
}

@test "capabilities: a process.json that names none has the container's" {
  make_bundle b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  echo '{"cwd": "/", "args": ["sh", "-c", "grep -E ^Cap.[fn] /proc/self/status; mount -t tmpfs x /tmp"], "env": ["PATH=/bin"]}' >p.json
  run rocker_runc exec --process p.json "$(new_id)"
  assert_failure
  assert_line $'CapEff:\t0000000020000420'
  assert_line $'CapBnd:\t0000000020000420'
  assert_line --partial 'ermission denied'
}
