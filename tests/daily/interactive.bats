#!/usr/bin/env bats
# What is typed at a terminal, through tmux.

load ../integration/helpers

setup() {
  setup_test
  needs overlay
  needs command conmon
  needs command tmux
  import_busybox
  export PATH=$BUILD:$PATH
}

# The trap keeps the shell, which Ctrl-C reaches as well, for the line with the status; the program does not inherit it.
in_terminal() { terminal "trap : INT; export ROCKER_ROOT=$ROCKER_ROOT PATH=$PATH; $1"; }

@test "vi in a container: the screen is its own, and what is saved is there" {
  in_terminal "rocker run -it --name $TEST_TAG busybox vi /tmp/file"
  wait_for_screen '^~'
  type_keys i
  sleep 0.3
  type_keys -l 'typed in vi'
  wait_for_screen '^typed in vi'
  type_keys Escape
  sleep 0.5
  type_keys ':wq' Enter
  wait_for_screen 'status 0'
  rocker cp "$TEST_TAG:/tmp/file" - | tar -xOf - >out
  assert_equal "$(<out)" 'typed in vi'
}

@test "top in a container, left with q" {
  in_terminal "rocker run -it --rm busybox top"
  wait_for_screen 'Mem: .*used'
  type_keys q
  wait_for_screen 'status 0'
}

@test "attach, detach with ctrl-p ctrl-q, attach again" {
  rocker run -dit --name "$TEST_TAG" busybox sh
  in_terminal "rocker attach $TEST_TAG"
  sleep 0.5
  type_keys 'X=kept' Enter
  type_keys C-p C-q
  wait_for_screen 'status 0'
  tmux -L "$TEST_TAG" kill-server
  in_terminal "rocker attach $TEST_TAG"
  sleep 0.5
  type_keys 'echo still $X' Enter
  wait_for_screen '^still kept'
  type_keys 'exit 3' Enter
  wait_for_screen 'status 3'
}

@test "logs -f shows what comes, and ends with Ctrl-C or with the container" {
  rocker run -d --name "$TEST_TAG" busybox sh -c 'for i in 1 2 3; do echo line $i; sleep 0.5; done; sleep 1000'
  in_terminal "rocker logs -f $TEST_TAG"
  wait_for_screen '^line 3'
  type_keys C-c
  wait_for_screen 'status 130'
  tmux -L "$TEST_TAG" kill-server
  in_terminal "rocker logs -f $TEST_TAG"
  wait_for_screen '^line 3'
  rocker stop -t 0 "$TEST_TAG"
  wait_for_screen 'status 0'
}

@test "stats is a live table" {
  rocker run -d --name "$TEST_TAG" busybox sleep 1000
  in_terminal 'rocker stats'
  wait_for_screen "^CONTAINER ID +NAME +CPU %"
  wait_for_screen "$TEST_TAG"
  type_keys C-c
  wait_for_screen 'status 130'
}

@test "the shell of a container follows the window" {
  in_terminal 'rocker run -it --rm busybox sh'
  wait_for_screen '^/ # *$'
  resize_terminal 111 33
  sleep 0.5
  type_keys 'stty size' Enter
  wait_for_screen '^33 111'
  type_keys C-d
  wait_for_screen 'status 0'
}

@test "Ctrl-C of a foreground run without a terminal ends it" {
  in_terminal "rocker run --rm busybox sh -c 'trap \"echo caught; exit 9\" INT; echo ready; while :; do sleep 0.1; done'"
  wait_for_screen '^ready'
  type_keys C-c
  wait_for_screen 'caught'
  wait_for_screen 'status 9'
}

# One at a time: a signal that is pending is not sent twice.
interrupt() { # TIMES
  local i
  for ((i = 0; i < $1; i++)); do
    type_keys C-c
    sleep 0.4
  done
}

@test "the fourth Ctrl-C lets go: --rm has it killed, any other container goes on" {
  in_terminal "rocker run --rm --name $TEST_TAG-gone busybox sh -c 'echo ready; exec sleep 1000'"
  wait_for_screen '^ready'
  interrupt 3
  run -0 rocker ps -q --filter "name=$TEST_TAG-gone"
  refute_output ''
  interrupt 1
  wait_for_screen 'status 137'
  run -0 rocker ps -aq
  assert_output ''
  tmux -L "$TEST_TAG" kill-server
  in_terminal "rocker run --name $TEST_TAG busybox sh -c 'echo ready; exec sleep 1000'"
  wait_for_screen '^ready'
  interrupt 4
  wait_for_screen "container $TEST_TAG goes on"
  wait_for_screen 'status 130'
  run -0 rocker inspect --format '{{.State.Status}}' "$TEST_TAG"
  assert_output running
}

@test "health: starting, healthy, unhealthy in ps" {
  rocker run -d --name "$TEST_TAG" --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 2 busybox sleep 1000
  run -0 rocker ps --format '{{.Status}}'
  assert_output --partial '(starting)'
  is() { [[ $(rocker ps --format '{{.Status}}') == *"($1)"* ]]; }
  wait_until 8 is unhealthy
  rocker exec "$TEST_TAG" touch /tmp/well
  wait_until 8 is healthy
}
