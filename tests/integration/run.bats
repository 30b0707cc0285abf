#!/usr/bin/env bats
# run: create and start in one.

load helpers
load lifecycle

@test "run: BUNDLE" {
  make_bundle b '.process.args = ["sh", "-c", "echo hello; cat"]'
  run rocker_runc run b <<<world
  assert_success
  assert_output $'hello\nworld'
  assert_nothing_made
}

@test "run: BUNDLE ID" {
  make_bundle b '.process.args = ["hostname"] | .hostname = "here"'
  run rocker_runc run b "$(new_id)" </dev/null
  assert_success
  assert_output here
  run rocker_runc run --keep "$TEST_DIR/b" "$(new_id)" </dev/null
  assert_equal "$(rocker_runc list -q)" "$(new_id)"
}

@test "run: --bundle BUNDLE ID, and ID in the bundle" {
  make_bundle b '.process.args = ["hostname"] | .hostname = "here"'
  run rocker_runc run --bundle b "$(new_id)" </dev/null
  assert_success
  assert_output here
  cd b
  run rocker_runc run "$(new_id)" </dev/null
  assert_success
  assert_output here
  run --separate-stderr rocker_runc run --bundle b b "$(new_id)"
  assert_failure 1
  assert_one_error_line 'given twice'
}

@test "run: what is closed of the standard streams is no file of the runtime's" {
  make_bundle b '.process.args = ["sh", "-c", "readlink /proc/self/fd/0; cat"]'
  # shellcheck disable=SC2016
  run --separate-stderr timeout -s KILL 20 bash -c 'exec "$@" <&-' - "$ROCKER_RUNC" --root "$RUNC_ROOT" run b "$(new_id)"
  assert_success
  assert_output /dev/null
  assert_equal "$stderr" ''
}

@test "run: a foreground run leaves nothing behind" {
  make_bundle b '.process.args = ["true"]'
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_success
  assert_equal "$output$stderr" ''
  assert_nothing_made
}

@test "run: the exit status is the container's" {
  make_bundle b
  local want
  for want in 0 1 42 255; do
    edit_config b '.process.args = ["sh", "-c", "exit \($want)"]' --arg want "$want"
    run -"$want" rocker_runc run b "$(new_id)" </dev/null
  done
  # A shell's word for death by a signal; init may be killed from outside only.
  edit_config b '.process.args = ["sleep", "1000"]'
  rocker_runc run b "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&- &
  local run=$!
  wait_until 5 eval 'is_status "$(new_id)" running 2>/dev/null'
  rocker_runc kill "$(new_id)" KILL
  wait_for "$run"
  assert_failure 137
}

@test "run: a program that is not there is 127, one that can't be executed is 126" {
  make_bundle b '.process.args = ["nowhere"]'
  run -127 --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_one_error_line 'executable file not found'
  [[ $stderr == *nowhere* ]]
  echo text >b/rootfs/text
  edit_config b '.process.args = ["/text"]'
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 126
  assert_one_error_line 'permission denied'
  edit_config b '.process.args = ["/bin"]'
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 126
  assert_one_error_line directory
  assert_nothing_made
}

@test "run: --detach returns when the container runs" {
  sleeping_bundle b
  run_detached "$(new_id)" b
  assert_equal "$(container_status "$(new_id)")" running
  assert_equal "$(cat "$(new_id).log")" ''
  # It belongs to whoever takes orphans, and dies with nobody.
  rocker_runc kill "$(new_id)" KILL
  wait_until 5 is_status "$(new_id)" stopped
  rocker_runc delete "$(new_id)"
  assert_nothing_made
}

@test "run: --keep leaves the stopped container" {
  make_bundle b '.process.args = ["true"]'
  rocker_runc run --keep b "$(new_id)" </dev/null
  assert_equal "$(container_status "$(new_id)")" stopped
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 1
  assert_one_error_line 'container with id exists'
  rocker_runc delete "$(new_id)"
  assert_nothing_made
}

@test "run: --pid-file" {
  sleeping_bundle b
  rocker_runc run -d --pid-file pid b "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  assert_equal "$(cat pid)" "$(container_pid "$(new_id)")"
}

@test "run: signals to the runtime reach the container" {
  make_bundle b '.process.args = ["sh", "-c", $script]' --arg script '
    trap "echo hup" HUP; trap "echo usr1" USR1; trap "echo term; exit 7" TERM
    echo ready
    while :; do sleep 0.05; done'
  rocker_runc_signals() { exec "$ROCKER_RUNC" --root "$RUNC_ROOT" run b "$(new_id)" </dev/null >out 2>&1 3>&- 4>&-; }
  rocker_runc_signals &
  local run=$!
  wait_until 10 grep -q ready out
  kill -HUP "$run"
  wait_until 5 grep -q hup out
  kill -USR1 "$run"
  wait_until 5 grep -q usr1 out
  kill -TERM "$run"
  wait_for "$run"
  assert_failure 7
  grep -q term out
  assert_nothing_made
}

@test "run: what is started in the background of the container ends with it" {
  make_bundle b '.process.args = ["sh", "-c", "sleep 1234 & exit 3"]'
  run -3 rocker_runc run b "$(new_id)" </dev/null
  # Also without a pid namespace, where the kernel does not see to it.
  edit_config b '.linux.namespaces |= map(select(.type != "pid")) | .process.args[2] = "sleep 1234 & echo $!; exit 3"'
  run -3 rocker_runc run b "$(new_id)" </dev/null
  wait_until 5 is_gone "$output"
  assert_nothing_made
}

@test "run: without a process it makes nothing" {
  make_bundle b 'del(.process)'
  run --separate-stderr rocker_runc run b "$(new_id)"
  assert_failure 1
  assert_one_error_line process
  assert_nothing_made
}
