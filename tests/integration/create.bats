#!/usr/bin/env bats
# create: runtime.md, "Create".

load helpers
load lifecycle
load process

@test "create: the container is there, its program is not run" {
  make_bundle b '.process.args = ["touch", "/ran"]'
  create_container "$(new_id)" b
  assert_equal "$(container_status "$(new_id)")" created
  assert_not_exists b/rootfs/ran
  [[ -d /proc/$(container_pid "$(new_id)") ]]
  rocker_runc start "$(new_id)"
  wait_until 5 is_status "$(new_id)" stopped
  assert_exists b/rootfs/ran
}

@test "create: changes of config.json do not reach the container any more" {
  make_bundle b '.process.args = ["touch", "/old"]'
  create_container "$(new_id)" b
  edit_config b '.process.args = ["touch", "/new"]'
  rocker_runc start "$(new_id)"
  wait_until 5 is_status "$(new_id)" stopped
  assert_exists b/rootfs/old
  assert_not_exists b/rootfs/new
}

@test "create: the bundle is the working directory unless --bundle says otherwise, as seen by later commands" {
  sleeping_bundle b
  cd b
  create_container "$(new_id)" .
  assert_equal "$(rocker_runc state "$(new_id)" | jq -r .bundle)" "$TEST_DIR/b"
  rocker_runc delete -f "$(new_id)"
  rocker_runc create "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  cd /
  assert_equal "$(rocker_runc state "$(new_id)" | jq -r .bundle)" "$TEST_DIR/b"
}

@test "create: --pid-file has the pid of the container's init" {
  sleeping_bundle b
  create_container "$(new_id)" b --pid-file pid
  assert_equal "$(cat pid)" "$(container_pid "$(new_id)")"
  # A pid file that can't be written makes no container.
  run --separate-stderr create_container "$(new_id two)" b --pid-file missing/pid
  assert_failure 1
  assert_equal "$(ls "$RUNC_ROOT")" "$(new_id)"
  run cat "$(new_id two).log"
  assert_output --partial missing
}

@test "create: --pidfd-socket gets a pidfd of the container's init" {
  sleeping_bundle b
  "$BUILD/helpers/socket-end" pidfd s >out 3>&- 4>&- &
  wait_until 5 test -S s
  create_container "$(new_id)" b --pidfd-socket s
  wait "$!"
  assert_equal "$(cat out)" "$(container_pid "$(new_id)")"
}

@test "create: an ID is used once" {
  sleeping_bundle b
  create_container "$(new_id)" b
  local pid
  pid=$(container_pid "$(new_id)")
  run --separate-stderr rocker_runc create --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line "container with id exists: \"$(new_id)\""
  # The one that has it is not touched.
  assert_equal "$(container_pid "$(new_id)") $(container_status "$(new_id)")" "$pid created"
  rocker_runc delete -f "$(new_id)"
  create_container "$(new_id)" b
}

@test "create: no ID, two IDs, an ID that is none" {
  sleeping_bundle b
  run --separate-stderr rocker_runc create --bundle b
  assert_failure 1
  assert_one_error_line 'ID is required'
  run --separate-stderr rocker_runc create --bundle b one two
  assert_failure 1
  assert_one_error_line two
  local id
  for id in '' . .. a/b ../x 'a b' $'a\nb' 'ü'; do
    run --separate-stderr rocker_runc create --bundle b "$id"
    assert_failure 1
    assert_one_error_line 'ID'
  done
  assert_nothing_made
}

@test "create: a program that is not there is told now, and makes no container" {
  sleeping_bundle b '.process.args = ["/no/such"]'
  run -127 --separate-stderr rocker_runc create --bundle b "$(new_id)"
  assert_one_error_line /no/such
  assert_nothing_made
}

@test "create: --no-new-keyring leaves the caller's session keyring to the container" {
  needs command keyctl
  [[ $(uname -m) = x86_64 ]] || skip 'needs x86_64: the number of keyctl(2)'
  # keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING)
  probe_bundle b '.process.args = ["probe", "syscall", "250", "0", "-3", "0"]'
  # shellcheck disable=SC2016
  run keyctl session "$TEST_TAG" sh -c 'keyctl id @s; exec "$@"' - \
    "$ROCKER_RUNC" --root "$RUNC_ROOT" run --no-new-keyring --bundle b "$(new_id)"
  assert_success
  # The last two lines: ours and the container's.
  assert_equal "${lines[-1]}" "${lines[-2]} 0"
  run keyctl session "$TEST_TAG" sh -c 'keyctl id @s; exec "$@"' - \
    "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)"
  assert_success
  assert_regex "${lines[-1]}" '^[1-9][0-9]* 0$'
  [[ ${lines[-1]} != "${lines[-2]} 0" ]]
}

@test "create: --no-pivot" {
  make_bundle b '.process.args = ["cat", "/mark", "/proc/mounts"]'
  echo mine >b/rootfs/mark
  run rocker_runc run --no-pivot --bundle b "$(new_id)"
  assert_success
  assert_line --index 0 mine
  # Nothing of the host's mounts is to be seen.
  refute_output --partial "$TEST_DIR"
}

@test "create: a terminal needs a --console-socket, and a --console-socket a terminal" {
  make_bundle b '.process.terminal = true'
  run --separate-stderr rocker_runc create --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line --console-socket
  edit_config b '.process.terminal = false'
  run --separate-stderr rocker_runc create --console-socket s --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line terminal
  assert_nothing_made
}

@test "create: --config reads another file than the bundle's config.json" {
  make_bundle b '.process.args = ["echo", "from config.json"]'
  jq '.process.args = ["echo", "from another file"]' b/config.json >other.json
  run rocker_runc run --config other.json --bundle b "$(new_id)" </dev/null
  assert_success
  assert_output 'from another file'
  run --separate-stderr rocker_runc run -f missing.json --bundle b "$(new_id)" </dev/null
  assert_failure 1
  assert_one_error_line missing.json
}
