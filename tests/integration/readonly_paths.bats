#!/usr/bin/env bats
# linux.readonlyPaths: config-linux.md, "Readonly Paths".

load helpers
load process
load mountinfo

@test "read-only paths: files and directories can be read and not written" {
  make_bundle b '.process.args = ["sh", "-c", "exec 2>&1; cat /etc/file /etc/dir/in; echo x >/etc/file; touch /etc/dir/x; mkdir /etc/ok && echo ok"] |
    .linux.readonlyPaths += ["/etc/file", "/etc/dir"]'
  mkdir b/rootfs/etc/dir
  echo content | tee b/rootfs/etc/file >b/rootfs/etc/dir/in
  run run_bundle b
  assert_success
  assert_line --index 0 content
  assert_line --index 1 content
  assert_line --partial '/etc/file: Read-only file system'
  assert_line --partial '/etc/dir/x: Read-only file system'
  assert_line ok
  assert_same_as b runc crun
}

@test "read-only paths: with all that is mounted below" {
  make_bundle b '.process.args = ["sh", "-c", "touch /data/x; touch /data/sub/x; cat /proc/self/mountinfo"] |
    .linux.readonlyPaths += ["/data"] | .mounts += [{destination: "/data", type: "tmpfs", options: ["nosuid"]}, {destination: "/data/sub", type: "tmpfs"}]'
  run run_bundle b
  assert_line --partial '/data/x: Read-only file system'
  assert_line --partial '/data/sub/x: Read-only file system'
  # The flags that were there stay.
  assert_flags /data ro,nosuid,relatime
}

@test "read-only paths: /proc/sys, /proc/sysrq-trigger" {
  make_bundle b '.process.args = ["sh", "-c", "echo 1 >/proc/sys/vm/swappiness; echo h >/proc/sysrq-trigger; cat /proc/sys/kernel/hostname"]'
  run run_bundle b
  assert_success
  assert_line --partial '/proc/sys/vm/swappiness: Read-only file system'
  [[ ! -e /proc/sysrq-trigger ]] || assert_line --partial '/proc/sysrq-trigger: Read-only file system'
  assert_line rocker
}

@test "read-only paths: those that are missing are no error" {
  make_bundle b '.process.args = ["echo", "runs"] | .linux.readonlyPaths += ["/no/such/path"]'
  run --separate-stderr run_bundle b
  assert_success
  assert_output runs
  assert_equal "$stderr" ''
}
