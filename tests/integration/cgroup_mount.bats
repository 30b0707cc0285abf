#!/usr/bin/env bats
# Mounts of the type "cgroup" and "cgroup2": what a container sees below /sys/fs/cgroup.

load helpers
load process
load mountinfo

@test "cgroup mount: v1 has each hierarchy, with the container's own group as its root, read-only" {
  needs cgroup v1
  needs controller memory
  make_bundle b '.process.args = ["sh", "-c", "cat /proc/self/mountinfo; cat /sys/fs/cgroup/memory/cgroup.procs; mkdir /sys/fs/cgroup/memory/x; touch /sys/fs/cgroup/x; cat /sys/fs/cgroup/memory/memory.limit_in_bytes"] |
    .linux.resources.memory.limit = 50331648'
  run run_bundle b
  assert_line --regexp '^[12]$'
  assert_line --partial "can't create directory '/sys/fs/cgroup/memory/x': Read-only file system"
  assert_line --partial '/sys/fs/cgroup/x: Read-only file system'
  assert_line 50331648
  assert_equal "$(mount_type /sys/fs/cgroup)" tmpfs
  assert_equal "$(mount_type /sys/fs/cgroup/memory)" cgroup
  [[ $(mount_flags /sys/fs/cgroup/memory) == ro,nosuid,nodev,noexec* ]]
  [[ $(mount_flags /sys/fs/cgroup) == ro,nosuid,nodev,noexec* ]]
  # Every hierarchy of the host is there.
  local dir
  for dir in /sys/fs/cgroup/*/; do
    dir=${dir%/}
    [[ -L $dir ]] || [[ -n $(mount_type "$dir") ]] || fail "$dir is not there"
  done
}

@test "cgroup mount: without a cgroup namespace the container's group is bound" {
  needs cgroup v1
  needs controller memory
  make_bundle b '.process.args = ["sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes; ls -d /sys/fs/cgroup/memory/..; cat /proc/self/mountinfo; touch /sys/fs/cgroup/memory/x"] |
    .linux.resources.memory.limit = 50331648 | .linux.namespaces |= map(select(.type != "cgroup"))'
  run run_bundle b
  assert_line --index 0 50331648
  assert_equal "$(mount_type /sys/fs/cgroup/memory)" cgroup
  [[ $(mount_flags /sys/fs/cgroup/memory) == ro,* ]]
}

@test "cgroup mount: writable where it is asked for" {
  needs cgroup v1
  needs controller memory
  make_bundle b '.process.args = ["sh", "-c", "mkdir /sys/fs/cgroup/memory/x && echo $$ >/sys/fs/cgroup/memory/x/cgroup.procs && grep memory /proc/self/cgroup; echo $$ >/sys/fs/cgroup/memory/cgroup.procs; rmdir /sys/fs/cgroup/memory/x"] |
    (.mounts[] | select(.type == "cgroup")).options = ["nosuid"]'
  run run_bundle b
  assert_success
  assert_output --regexp '^[0-9]+:memory:/x$'
  assert_no_leftovers
}

@test "cgroup mount: the names of joint controllers lead to their hierarchy" {
  needs cgroup v1
  [[ -L /sys/fs/cgroup/cpu ]] || skip 'needs a joint hierarchy cpu,cpuacct'
  make_bundle b '.process.args = ["readlink", "/sys/fs/cgroup/cpu"]'
  run run_bundle b
  assert_success
  assert_line --index 0 "$(readlink /sys/fs/cgroup/cpu)"
}

@test "cgroup mount: v2 is one mount, the container's group its root" {
  needs cgroup v2
  make_bundle b '.process.args = ["sh", "-c", "cat /proc/self/mountinfo; cat /sys/fs/cgroup/pids.max"] | .linux.resources.pids.limit = 77'
  run run_bundle b
  assert_line 77
  assert_equal "$(mount_type /sys/fs/cgroup)" cgroup2
  [[ $(mount_flags /sys/fs/cgroup) == ro,nosuid,nodev,noexec* ]]
}

@test "cgroup mount: the same hierarchies under the peers" {
  needs cgroup v1
  make_bundle b '.process.args = ["sh", "-c", "ls /sys/fs/cgroup | grep -v unified; cat /proc/self/cgroup | grep -v :name= | grep -v ^0: | cut -d: -f2- | sort"]'
  assert_same_as b runc
}

@test "cgroup mount: cgroup2 is the unified hierarchy, also on a hybrid host" {
  [[ -e /sys/fs/cgroup/unified/cgroup.procs || $(cgroup_mode) = v2 ]] || skip 'needs a cgroup2 that is mounted'
  make_bundle b '.process.args = ["sh", "-c", "cat /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs"] |
    (.mounts[] | select(.type == "cgroup")).type = "cgroup2"'
  run run_bundle b
  assert_success
  assert_line --regexp '^[12]$'
  assert_equal "$(mount_type /sys/fs/cgroup)" cgroup2
  [[ $(mount_flags /sys/fs/cgroup) == ro,nosuid,nodev,noexec* ]]
  assert_equal "$(mount_type /sys/fs/cgroup/memory)" ''
}
