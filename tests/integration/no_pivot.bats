#!/usr/bin/env bats
# The root without pivot_root(2): --no-pivot, and a host that lives in its initramfs, whose first root that call can't
# leave. One test needs such a host, which is a guest here:
#   tests/vm/guest --initramfs -- bats tests/integration/no_pivot.bats
# vm: initramfs

load helpers
load process
load mountinfo

in_initramfs() { [[ $(awk '$5 == "/" { for (i = 7; $i != "-"; i++); print $(i + 1); exit }' /proc/self/mountinfo) = rootfs ]]; }

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
  local option
  probe_bundle b '.process.args = ["probe", "escape", "/marker"] | .process.capabilities |= map_values(["CAP_SYS_CHROOT"])'
  touch b/rootfs/marker
  cp b/config.json base.json
  for option in --no-pivot ''; do
    cp base.json b/config.json
    # shellcheck disable=SC2086
    run run_bundle b $option
    assert_success
    assert_output there
    edit_config b '.process.args[2] = $host' --arg host "$TEST_DIR/base.json"
    # shellcheck disable=SC2086
    run run_bundle b $option
    assert_success
    assert_output 'not there'
  done
}

@test "no-pivot: exec is in the container's root" {
  make_bundle b '.process.args = ["sleep", "100"]'
  touch b/rootfs/marker
  rocker_runc run --no-pivot --detach --bundle b "$(new_id)" </dev/null >log 2>&1 3>&- 4>&-
  run rocker_runc exec "$(new_id)" ls /marker
  assert_success
  assert_output /marker
}

@test "no-pivot: below the root there is nothing that the host has mounted" {
  local option options=(--no-pivot)
  # With pivot_root(2) there is nothing below at all.
  ! in_initramfs || options+=('')
  probe_bundle b '.process.args = ["probe", "uncover", "/proc/version"] | .process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"])'
  for option in "${options[@]}"; do
    # shellcheck disable=SC2086
    run run_bundle b $option
    assert_success
    assert_output 'not there'
  done
}

@test "no-pivot: a host that has not left its initramfs needs no option" {
  in_initramfs || skip 'needs a host that lives in its initramfs'
  make_bundle b '.process.args = ["sh", "-c", "ls /marker; cat /proc/self/mountinfo; hostname; exit 7"]'
  touch b/rootfs/marker
  run run_bundle b
  assert_failure 7
  assert_line --index 0 /marker
  assert_line rocker
  assert_equal "$(mount_type /proc)" proc
  refute_output --partial '- rootfs'
  refute_output --partial 9p
  # With a user namespace as well, and what runs is found by exec.
  edit_config b '.process.args = ["sleep", "100"] | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  chown -R 100000:100000 b/rootfs
  run_detached "$(new_id userns)" b
  run rocker_runc exec "$(new_id userns)" sh -c 'ls /marker; id -u'
  assert_success
  assert_output $'/marker\n0'
}
