#!/usr/bin/env bats
# Descriptors that the caller passes on: --preserve-fds, LISTEN_FDS (sd_listen_fds(3)). And no others.

load helpers
load lifecycle

fds_bundle() { # SCRIPT
  make_bundle b '.process.args = ["sh", "-c", $script]' --arg script "$1"
}

# Runs the bundle with nothing open but what the redirections of the call say.
run_with_fds() { # OPTION...
  "$ROCKER_RUNC" --root "$RUNC_ROOT" run "$@" b "$(new_id)" </dev/null
}

@test "fds: none of the caller's but the first three" {
  fds_bundle 'ls -l /proc/$$/fd; true'
  echo secret >f
  run run_with_fds 5<f 7<f 100<f
  assert_success
  refute_output --partial "$TEST_DIR/f"
  # 10 is the shell's own, if it makes one.
  assert_equal "$(grep -cE ' [0-2] -> ' <<<"$output")" 3
  assert_equal "$(grep -cE ' ([3-9]|[0-9]{2,}) -> ' <<<"$output")" 0
}

@test "fds: --preserve-fds passes so many, from 3 on" {
  fds_bundle 'cat <&3; cat <&4; ls -l /proc/$$/fd; true'
  echo three >f3
  echo four >f4
  run run_with_fds --preserve-fds 2 3<f3 4<f4 5<f3
  assert_success
  assert_line --index 0 three
  assert_line --index 1 four
  assert_equal "$(grep -cE ' ([5-9]|[0-9]{2,}) -> ' <<<"$output")" 0
}

@test "fds: create and start" {
  fds_bundle 'cat <&3 >/out; ls /proc/self/fd >>/out; true'
  echo three >f3
  "$ROCKER_RUNC" --root "$RUNC_ROOT" create --preserve-fds 1 --bundle b "$(new_id)" </dev/null >log 2>&1 3<f3 4>&-
  rocker_runc start "$(new_id)" 5<f3
  wait_until 5 is_status "$(new_id)" stopped
  # 4: the folder that ls reads.
  assert_equal "$(tr '\n' ' ' <b/rootfs/out)" 'three 0 1 2 3 4 '
}

@test "fds: LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES" {
  fds_bundle 'env | grep ^LISTEN_ | sort; echo pid=$$; cat <&3'
  echo three >f3
  run env LISTEN_FDS=1 LISTEN_PID=99999 LISTEN_FDNAMES=web "$ROCKER_RUNC" --root "$RUNC_ROOT" run b "$(new_id)" 3<f3
  assert_success
  assert_output $'LISTEN_FDNAMES=web\nLISTEN_FDS=1\nLISTEN_PID=1\npid=1\nthree'
  # After those come the ones of --preserve-fds.
  edit_config b '.process.args[2] = "cat <&3; cat <&4"'
  echo four >f4
  run env LISTEN_FDS=1 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --preserve-fds 1 b "$(new_id)" 3<f3 4<f4
  assert_success
  assert_output $'three\nfour'
}

@test "fds: without LISTEN_FDS there are no such variables" {
  fds_bundle 'env | grep -c ^LISTEN_'
  run run_with_fds
  assert_output 0
  LISTEN_FDS=0 run run_with_fds
  assert_output 0
}

@test "fds: more than there are, or no number" {
  fds_bundle 'true'
  run --separate-stderr run_with_fds --preserve-fds 3 3</dev/null 4>&- 5>&-
  assert_failure 1
  assert_one_error_line '--preserve-fds'
  run --separate-stderr run_with_fds --preserve-fds -1
  assert_failure 1
  assert_one_error_line '--preserve-fds'
  run --separate-stderr run_with_fds --preserve-fds x
  assert_failure 1
  assert_one_error_line x
  LISTEN_FDS=many run --separate-stderr run_with_fds
  assert_failure 1
  assert_one_error_line LISTEN_FDS
  assert_nothing_made
}

@test "fds: exec gets none but the first three either" {
  sleeping_bundle b
  run_detached "$(new_id)" b
  echo secret >f
  run rocker_runc exec "$(new_id)" sh -c 'ls -l /proc/$$/fd; true' 5<f 9<f
  assert_success
  assert_equal "$(grep -c -- '->' <<<"$output")" 3
}

@test "fds: the init that waits for start holds nothing of the host's open but what it needs" {
  sleeping_bundle b
  echo secret >f
  rocker_runc create --bundle b "$(new_id)" </dev/null >log 2>&1 3>&- 4>&- 5<f
  run ls -l "/proc/$(container_pid "$(new_id)")/fd"
  refute_output --partial "$TEST_DIR/f"
  # Nor a folder, by which a process that may trace it would get out. /proc has nothing to hide.
  refute_output --partial "$RUNC_ROOT"
  refute_output --partial /sys
  rocker_runc start "$(new_id)"
  assert_equal "$(ls "/proc/$(container_pid "$(new_id)")/fd" | tr '\n' ' ')" '0 1 2 '
}
