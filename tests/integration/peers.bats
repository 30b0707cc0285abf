#!/usr/bin/env bats
# The same bundle gives the same answer under every runtime of this machine.

load helpers
load lifecycle
load process

setup() {
  setup_test
  [[ $(runtimes | wc -l) -gt 1 ]] || skip 'needs peer runc or crun (scripts/install-deps peers)'
}

# Runs the bundle b under each: same output, same exit status.
assert_all_say() { # OUTPUT STATUS
  local name
  for name in $(runtimes); do
    run runtime "$name" run --bundle b "$(new_id "$name")" </dev/null
    [[ $output = "$1" && $status = "$2" ]] || {
      batslib_print_kv_single_or_multi 8 runtime "$name" expected "$1 ($2)" actual "$output ($status)" |
        batslib_decorate 'another answer' | fail
    }
  done
}

@test "peers: output and exit status" {
  make_bundle b '.process.args = ["sh", "-c", "echo out; sleep 0.3; echo err >&2; exit 42"]'
  assert_all_say $'out\nerr' 42
}

@test "peers: user, working directory, environment, host name, umask" {
  make_bundle b '.process.args = ["sh", "-c", "id -u; id -G; pwd; echo $A; hostname; umask"] | .process.cwd = "/tmp"
    | .process.user = {uid: 12, gid: 34, additionalGids: [56]} | .process.env += ["A=b c"] | .hostname = "same"'
  assert_all_say $'12\n34 56\n/tmp\nb c\nsame\n0022' 0
}

@test "peers: capabilities, no_new_privs and limits" {
  make_bundle b '.process.args = ["sh", "-c", "grep -E \"^(Cap|NoNew)\" /proc/self/status; ulimit -n"]'
  run rocker_runc run --bundle b "$(new_id)" </dev/null
  assert_success
  assert_all_say "$output" 0
}

@test "peers: mounts, devices and links" {
  make_bundle b '.process.args = ["sh", "-c", $script]' --arg script '
    cut -d " " -f 2,3 /proc/mounts | grep -E "^/(proc|dev|sys)(/(pts|shm|mqueue))? " | sort
    ls -l /dev | sed "s/^total.*//" | tr -s " " | cut -d " " -f 1,5,6,10- | grep -vE "pts|shm|mqueue|core" | sed "s/[A-Z][a-z][a-z] .*:[0-9]* //" | sort'
  run rocker_runc run --bundle b "$(new_id)" </dev/null
  assert_success
  assert_all_say "$output" 0
}

@test "peers: read-only root, masked and read-only paths" {
  make_bundle b '.root.readonly = true | .process.args = ["sh", "-c", $script]' --arg script '
    touch /x 2>/dev/null || echo root; echo 1 2>/dev/null >/proc/sys/kernel/domainname || echo sys; wc -c </proc/timer_list; ls /proc/acpi | wc -l'
  assert_all_say $'root\nsys\n0\n0' 0
}

@test "peers: seccomp" {
  make_bundle b '.process.args = ["mkdir", "/x"]
    | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
      syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 13}]}'
  assert_all_say "mkdir: can't create directory '/x': Permission denied" 1
}

@test "peers: hooks are run in the same order" {
  make_bundle b '.process.args = ["true"]'
  local kind name
  for kind in prestart createRuntime createContainer poststart poststop; do
    edit_config b '.hooks[$kind] = [{path: "/bin/sh", args: ["sh", "-c", $script]}]' --arg kind "$kind" \
      --arg script "cat >/dev/null; echo $kind >>$TEST_DIR/order"
  done
  for name in $(runtimes); do
    : >order
    runtime "$name" run --bundle b "$(new_id "$name")" </dev/null
    assert_equal "$name $(tr '\n' ' ' <order)" "$name prestart createRuntime createContainer poststart poststop "
  done
}

@test "peers: state of a running container, kill, delete" {
  sleeping_bundle b '.annotations = {a: "b"}'
  local name
  for name in $(runtimes); do
    runtime "$name" run -d --bundle b "$(new_id "$name")" </dev/null >/dev/null 2>&1 3>&- 4>&-
    assert_equal "$(runtime "$name" state "$(new_id "$name")" | jq -c '[.status, .bundle, .annotations.a, .pid > 0]')" \
      "[\"running\",\"$TEST_DIR/b\",\"b\",true]"
    assert_equal "$(runtime "$name" exec "$(new_id "$name")" echo hello)" hello
    runtime "$name" kill "$(new_id "$name")" KILL
    stopped() { [[ $(runtime "$name" state "$(new_id "$name")" | jq -r .status) = stopped ]]; }
    wait_until 5 stopped
    runtime "$name" delete "$(new_id "$name")"
    run runtime "$name" state "$(new_id "$name")"
    assert_failure
  done
}

@test "peers: what all refuse" {
  make_bundle b
  cp b/config.json good.json
  local filter name
  for filter in '.linux.namespaces += [{type: "nope"}]' '.process.args = []' \
    '.process.rlimits = [{type: "RLIMIT_NOPE", soft: 1, hard: 1}]' '.root.path = "nowhere"'; do
    jq "$filter" good.json >b/config.json
    for name in $(runtimes); do
      run runtime "$name" run --bundle b "$(new_id "$name")" </dev/null
      [[ $status != 0 ]] || fail "$name takes $filter"
    done
  done
}
