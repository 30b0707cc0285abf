#!/usr/bin/env bats
# --no-pivot: the root by chroot(2), for hosts that live in their initramfs.

load helpers
load process
load mountinfo

@test "no-pivot: the container is the same" {
  make_bundle b '.process.args = ["sh", "-c", "ls /marker; cat /proc/self/mountinfo"] | .root.readonly = true'
  touch b/rootfs/marker
  run run_bundle b --no-pivot
  assert_success
  assert_line --index 0 /marker
  [[ $(mount_flags /) == ro,* ]]
  assert_equal "$(mount_type /proc)" proc
}

@test "no-pivot: the way out of a chroot leads to the container's root" {
  # chroot(2) into a directory below and ".." from the old working directory: who may, gets past a mere chroot.
  make_bundle b '.process.args = ["sh", "-c", "mkdir -p /jail; cp /bin/busybox /jail/sh; chroot /jail /sh -c \"cd /proc/1/cwd 2>/dev/null; ls\"; ls -d /proc/1/root/../../marker /proc/1/root/../../../../etc/hostname-of-host"] |
    .process.capabilities |= map_values(["CAP_SYS_CHROOT", "CAP_SYS_PTRACE"])'
  touch b/rootfs/marker
  run run_bundle b --no-pivot
  assert_line --partial marker
}

@test "no-pivot: exec is in the container's root" {
  make_bundle b '.process.args = ["sleep", "100"]'
  touch b/rootfs/marker
  rocker_runc run --no-pivot --detach --bundle b "$(new_id)" </dev/null >log 2>&1 3>&- 4>&-
  run rocker_runc exec "$(new_id)" ls /marker
  assert_success
  assert_output /marker
}
