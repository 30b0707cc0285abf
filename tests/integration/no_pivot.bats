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
