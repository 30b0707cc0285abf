#!/usr/bin/env bats
# linux.intelRdt: config-linux.md, "IntelRdt".

load helpers

@test "intelRdt: without a mounted resctrl it is an error that says so" {
  [[ $(stat -fc %t /sys/fs/resctrl 2>/dev/null) != 7655821 ]] || skip 'needs a host without resctrl'
  make_bundle b '.linux.intelRdt = {closID: "guaranteed"}'
  run --separate-stderr rocker_runc run --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line resctrl
  assert_no_leftovers
}

@test "intelRdt: features says that we know it, whatever this machine has" {
  run rocker_runc features
  assert_success
  assert_json .linux.intelRdt.enabled true
}

@test "intelRdt: a container has its own class, which goes with it" {
  [[ $(stat -fc %t /sys/fs/resctrl 2>/dev/null) = 7655821 ]] || skip 'needs resctrl (a CPU with resource control)'
  make_bundle b '.process.args = ["sleep", "100"] | .linux.intelRdt = {enableMonitoring: true}'
  rocker_runc run --detach --bundle b "$(new_id)" </dev/null >log 2>&1 3>&-
  grep -qx "$(container_pid "$(new_id)")" "/sys/fs/resctrl/$(new_id)/tasks"
  [[ -d /sys/fs/resctrl/$(new_id)/mon_groups/$(new_id) ]]
  rocker_runc delete -f "$(new_id)"
  [[ ! -e /sys/fs/resctrl/$(new_id) ]]
}
