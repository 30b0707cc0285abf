#!/usr/bin/env bats
# linux.seccomp: config-linux.md, "Seccomp".

load helpers
load process

# x86-64's, as the test programs are of this machine; other machines have other numbers for most of these.
setup() {
  setup_test
  [[ $(uname -m) = x86_64 ]] || skip 'needs x86-64: the tests know its numbers'
}
mkdir_nr=83 getcwd_nr=79 personality_nr=135 newer_nr=450

with_profile() { # JSON: what `probe` then says is in $output
  edit_config b '.linux.seccomp = ($p | fromjson)' --arg p "$1"
  run --separate-stderr run_bundle b
}

@test "seccomp: a rule, its errno, and the default" {
  probe_bundle b '.process.args = ["probe", "syscall", $nr]' --arg nr $mkdir_nr
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
  assert_success
  assert_output '-1 1'
  assert_same_as b runc crun
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}]}'
  assert_output '-1 77'
  assert_same_as b runc crun
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW"}'
  assert_output '-1 14'
}

@test "seccomp: kill, trap and log" {
  probe_bundle b '.process.args = ["probe", "syscall", $nr]' --arg nr $mkdir_nr
  local action
  for action in SCMP_ACT_KILL SCMP_ACT_KILL_THREAD SCMP_ACT_KILL_PROCESS SCMP_ACT_TRAP; do
    with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "'$action'"}]}'
    assert_failure $((128 + 31))
  done
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_LOG"}]}'
  assert_output '-1 14'
  # Nobody traces: ENOSYS (seccomp(2)).
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_TRACE"}]}'
  assert_output '-1 38'
}

@test "seccomp: conditions on arguments" {
  probe_bundle b '.process.args = ["probe", "syscall", $nr, "8"]' --arg nr $personality_nr
  local profile='{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO",
    "args": [{"index": 0, "value": 8, "op": "OP"}]}]}'
  local op
  for op in EQ GE LE; do
    with_profile "${profile/OP/SCMP_CMP_$op}"
    assert_output '-1 1'
    assert_same_as b runc crun
  done
  for op in NE GT LT; do
    with_profile "${profile/OP/SCMP_CMP_$op}"
    assert_output '0 0'
    assert_same_as b runc crun
  done
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO",
    "args": [{"index": 0, "value": 12, "valueTwo": 8, "op": "SCMP_CMP_MASKED_EQ"}]}]}'
  assert_output '-1 1'
  assert_same_as b runc crun
}

# A profile of docker's kind: what is newer than it must look like an older kernel.
@test "seccomp: system calls newer than the profile give ENOSYS and not EPERM" {
  probe_bundle b '.process.args = ["probe", "syscall", $nr]' --arg nr $newer_nr
  local allowed='"SCMP_ACT_ALLOW"}, {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 9}'
  # Everything by name but the call that is tried: the largest of them is close_range or so.
  local names
  names=$(grep -oP '(?<=__NR_)\w+' /usr/include/x86_64-linux-gnu/asm/unistd_64.h |
    grep -vE '^(mkdir|getcwd|rmdir|set_mempolicy_home_node|cachestat|fchmodat2|map_shadow_stack|futex_.*)$' | jq -R . | jq -sc .)
  with_profile '{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "syscalls": [{"names": '"$names"', "action": '"$allowed"']}'
  assert_success
  assert_output '-1 38'
  assert_same_as b runc
  edit_config b '.process.args[2] = "84"' # rmdir: older, and not named
  run run_bundle b
  assert_output '-1 1'
  assert_same_as b runc crun
}

@test "seccomp: defaultErrnoRet" {
  probe_bundle b '.process.args = ["probe", "syscall", $nr]' --arg nr $mkdir_nr
  local names
  names=$(grep -oP '(?<=__NR_)\w+' /usr/include/x86_64-linux-gnu/asm/unistd_64.h | grep -vx mkdir | jq -R . | jq -sc .)
  with_profile '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 66, "syscalls": [{"names": '"$names"', "action": "SCMP_ACT_ALLOW"}]}'
  assert_output '-1 66'
  assert_same_as b runc crun
}

@test "seccomp: a program of another architecture than the profile's is killed" {
  needs command objcopy
  # exit(7) for i386: its own system calls, on the same kernel.
  make_bundle b '.process.args = ["/exit32"]'
  printf '\xb8\x01\x00\x00\x00\xbb\x07\x00\x00\x00\xcd\x80' >code
  objcopy -I binary -O elf32-i386 -B i386 --rename-section .data=.text,code,alloc,load,readonly code code.o
  ld -m elf_i386 -Ttext 0x8048000 -e 0x8048000 -o b/rootfs/exit32 code.o 2>/dev/null || skip 'needs ld for i386'
  chmod 755 b/rootfs/exit32
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]}'
  [[ $status = 7 ]] || skip 'needs a kernel that runs i386'
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
  assert_failure $((128 + 31))
}

@test "seccomp: flags, with and without new privileges" {
  probe_bundle b '.process.args = ["probe", "syscall", $nr]' --arg nr $mkdir_nr
  local new
  for new in true false; do
    edit_config b ".process.noNewPrivileges = $new"
    with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
      "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
      "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
    assert_success
    assert_output '-1 1'
  done
}

@test "seccomp: a user without capabilities gets the filter too" {
  make_bundle b '.process.args = ["grep", "Seccomp:", "/proc/self/status"] | .process.user = {uid: 1000, gid: 1000}
    | .process.capabilities = {} | .process.noNewPrivileges = false'
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
  assert_success
  assert_output $'Seccomp:\t2'
}

@test "seccomp: exec has the filter" {
  probe_bundle b '.process.args = ["sleep", "100"] | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{names: ["getcwd"], action: "SCMP_ACT_ERRNO", errnoRet: 5}]}'
  # getcwd is asked by init itself, to see that the directory is inside; with noNewPrivileges the filter comes after.
  edit_config b '.process.noNewPrivileges = true'
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" probe syscall $getcwd_nr
  assert_success
  assert_output '-1 5'
}

@test "seccomp: what does not exist is refused with its place" {
  make_bundle b
  local profile
  for profile in '{"defaultAction": "SCMP_ACT_NOPE"}' \
    '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NOPE"]}' \
    '{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NOPE"]}' \
    '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOPE"}]}' \
    '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
      "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_NOPE"}]}]}'; do
    with_profile "$profile"
    assert_failure 1
    assert_one_error_line NOPE
    [[ $stderr == *seccomp* ]]
  done
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_KILL", "errnoRet": 1}]}'
  assert_failure 1
  assert_one_error_line 'takes no errno'
  with_profile '{"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/nowhere"}'
  assert_failure 1
  assert_one_error_line SCMP_ACT_NOTIFY
  assert_no_leftovers
}

@test "seccomp: unknown system calls and architectures of others are skipped" {
  probe_bundle b '.process.args = ["probe", "syscall", $nr]' --arg nr $mkdir_nr
  with_profile '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
    "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", "SCMP_ARCH_S390X"], "syscalls": [{"names": ["not_a_call", "mkdir"], "action": "SCMP_ACT_ERRNO"}]}'
  assert_success
  assert_output '-1 1'
  assert_equal "$stderr" ''
}

start_agent() { # ERRNO
  "$(helper seccomp-agent)" "$TEST_DIR/agent" "$TEST_DIR/agent.json" "$1" >agent.log 2>&1 3>&- &
  agent=$!
  wait_until 10 grep -q listening agent.log
}

notify_profile() { # [ACTION of the default]
  edit_config b '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $path, listenerMetadata: "a \"word\"",
    syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}' --arg path "$TEST_DIR/agent"
}

@test "seccomp notify: the agent gets the state and answers" {
  local new
  for new in true false; do
    rm -rf b agent
    start_agent 30
    probe_bundle b '.process.args = ["probe", "syscall", $nr] | .process.noNewPrivileges = $new | .annotations = {a: "b"}' \
      --arg nr $mkdir_nr --argjson new $new
    notify_profile
    run --separate-stderr run_bundle b
    assert_success
    assert_output '-1 30'
    wait "$agent"
    assert_json .fds '["seccompFd"]' agent.json
    assert_json .metadata '"a \"word\""' agent.json
    assert_json '.state.id' "\"$(new_id b)\"" agent.json
    assert_json '.state.status' '"creating"' agent.json
    assert_json '.state.bundle' "\"$TEST_DIR/b\"" agent.json
    assert_json '.state.annotations' '{"a":"b"}' agent.json
    assert_json '.pid == .state.pid and .pid > 1' true agent.json
    [[ $(jq -r .ociVersion agent.json) == 1.* ]]
  done
}

@test "seccomp notify: the agent lets it go on" {
  start_agent 0
  probe_bundle b '.process.args = ["probe", "syscall", $nr]' --arg nr $mkdir_nr
  notify_profile
  run --separate-stderr run_bundle b
  assert_success
  assert_output '-1 14'
}

@test "seccomp notify: exec sends a state of its own" {
  start_agent 0
  probe_bundle b '.process.args = ["sleep", "100"]'
  notify_profile
  run_detached "$(new_id)" b
  mv agent.json first.json
  rm agent
  start_agent 28
  run --separate-stderr rocker_runc exec "$(new_id)" probe syscall $mkdir_nr
  assert_success
  assert_output '-1 28'
  assert_json .state.status '"running"' agent.json
  assert_json ".state.pid == $(container_pid "$(new_id)")" true agent.json
  assert_json '.pid != .state.pid' true agent.json
}

@test "seccomp notify: an agent that is not there is an error" {
  make_bundle b
  notify_profile
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line "$TEST_DIR/agent"
  assert_no_leftovers
  edit_config b 'del(.linux.seccomp.listenerPath, .linux.seccomp.listenerMetadata)'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line listenerPath
  edit_config b '.linux.seccomp.listenerPath = "/x" | .linux.seccomp.syscalls[0].names += ["write"]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line write
}
