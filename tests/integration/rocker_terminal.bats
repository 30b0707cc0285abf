#!/usr/bin/env bats
# rocker run --tty in a real terminal.

load helpers

setup() {
  setup_test
  needs overlay
  needs command conmon
  needs command tmux
  import_busybox
}

no_process() { # REGEX
  ! pgrep -f "$1" >/dev/null
}

@test "run --tty: prompt, tty, Ctrl-C, resize and exit status" {
  local rm
  for rm in '' --rm; do
    terminal "ROCKER_ROOT=$ROCKER_ROOT $ROCKER run $rm --tty --image busybox /bin/sh"
    wait_for_screen '^/ # *$'
    type_keys 'tty' Enter
    wait_for_screen '^/dev/(pts/0|console)'
    type_keys 'stty size' Enter
    wait_for_screen '^24 80$'
    resize_terminal 100 30
    sleep 0.3
    type_keys 'clear; stty size' Enter
    wait_for_screen '^30 100$'
    # Ctrl-C stops what runs, not the shell.
    type_keys 'sleep 1000; echo status $?' Enter
    sleep 0.3
    type_keys C-c
    type_keys 'echo still $((40 + 2))' Enter
    wait_for_screen '^still 42$'
    type_keys 'exit 5' Enter
    wait_for_screen 'status 5'
    tmux -L "$TEST_TAG" kill-server
    sleep 0.2
  done
}

@test "run without --tty in a terminal: an interactive shell whose input is the terminal" {
  terminal "ROCKER_ROOT=$ROCKER_ROOT $ROCKER run --image busybox /bin/sh"
  type_keys 'echo got $((40 + 2))' Enter
  wait_for_screen '^got 42$'
  type_keys 'exit 4' Enter
  wait_for_screen 'status 4'
}

@test "detach keys leave the container running" {
  terminal "ROCKER_ROOT=$ROCKER_ROOT $ROCKER run --tty --name $TEST_TAG --image busybox /bin/sh"
  wait_for_screen '^/ # *$'
  type_keys C-p C-q
  wait_for_screen 'status 0'
  run -0 rocker ps -q
  assert_equal "${#lines[@]}" 1
}

@test "exec --tty has a terminal of its own" {
  rocker run -d --name "$TEST_TAG" --image busybox sleep 1000
  terminal "ROCKER_ROOT=$ROCKER_ROOT $ROCKER exec -it $TEST_TAG /bin/sh"
  wait_for_screen '^/ # *$'
  type_keys 'stty size; exit 6' Enter
  wait_for_screen '^24 80$'
  wait_for_screen 'status 6'
}

@test "run -it and attach where stdin is no terminal: its end is the end of the container's terminal" {
  local rm
  for rm in '' --rm; do
    run -0 timeout -k 1 60 "$ROCKER" run -it $rm busybox cat </dev/null
    assert_output ''
    run -0 timeout -k 1 60 "$ROCKER" run -it $rm busybox cat <<<foo
    assert_line --partial foo
    # The shell sets its terminal while the end is there already.
    run -7 timeout -k 1 60 "$ROCKER" run -it $rm busybox sh <<<'(exit 7)'
    # A line without an end.
    run -0 timeout -k 1 60 "$ROCKER" run -it $rm busybox cat < <(printf half)
    assert_line --partial half
  done
}

@test "with a terminal, a signal and a closed window end the client and not the container" {
  local program='trap "exit 3" HUP INT TERM; echo ready; while :; do sleep 0.1; done' command
  local client="rocker-attach .*--name $TEST_TAG "
  for command in "run -it --name $TEST_TAG busybox sh -c '$program'" "attach $TEST_TAG" "start -ai $TEST_TAG"; do
    [[ $command != start* ]] || rocker kill "$TEST_TAG"
    terminal "ROCKER_ROOT=$ROCKER_ROOT $ROCKER $command"
    wait_until 10 pgrep -f "$client" >/dev/null
    [[ $command = attach* ]] || wait_for_screen '^ready'
    pkill -TERM -f "$client"
    wait_for_screen 'status 143'
    tmux -L "$TEST_TAG" kill-server
    assert_equal "$(rocker inspect -f '{{.State.Status}}' "$TEST_TAG")" running
    terminal "ROCKER_ROOT=$ROCKER_ROOT $ROCKER attach $TEST_TAG"
    wait_until 10 pgrep -f "$client" >/dev/null
    tmux -L "$TEST_TAG" kill-server
    wait_until 10 no_process "$client"
    assert_equal "$(rocker inspect -f '{{.State.Status}}' "$TEST_TAG")" running
  done
  # It has not got one of them later.
  assert_equal "$(rocker logs "$TEST_TAG" | grep -c ready)" 2
  rocker kill "$TEST_TAG"
}

@test "without a terminal, the client's signals go to the container" {
  rocker run -d --name "$TEST_TAG" busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
  "$ROCKER" attach "$TEST_TAG" </dev/null >/dev/null 2>&1 3>&- &
  local client=$! status=0
  wait_until 10 pgrep -f "rocker-attach .*--name $TEST_TAG " >/dev/null
  kill -TERM "$client"
  wait "$client" || status=$?
  assert_equal "$status" 3
}
