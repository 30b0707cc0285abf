#!/usr/bin/env bats
# --console-socket: the terminal's master goes to whoever listens there.

load helpers
load lifecycle
load process

# Takes the terminal that comes to the socket `s`, types TEXT, and writes what is said to `said`.
receive_console() { # [TEXT]
  rm -f s said
  "$(helper socket-end)" console s "$@" >said 2>&1 3>&- 4>&- &
  RECEIVER=$!
  wait_until 5 test -S s
}

@test "console: create hands the terminal over" {
  make_bundle b '.process.terminal = true | .process.args = ["sh", "-c", "tty; ls -l /dev/console /proc/self/fd/0; read line; echo \"got $line\""]'
  receive_console $'typed\n'
  create_container "$(new_id)" b --console-socket "$TEST_DIR/s"
  # It is there before start, with a name that is the terminal's.
  wait_until 5 grep -q 'name=.* tty=1' said
  rocker_runc start "$(new_id)"
  wait "$RECEIVER"
  grep -q 'got typed' said
  grep -q '/dev/pts/0' said
  assert_equal "$(cat "$(new_id).log")" ''
}

@test "console: consoleSize, and the owner of the terminal" {
  make_bundle b '.process.terminal = true | .process.consoleSize = {height: 33, width: 99} | .process.user = {uid: 1234, gid: 0}
    | .process.args = ["sh", "-c", "stty size; stat -c %u $(tty)"]'
  receive_console
  create_container "$(new_id)" b --console-socket s
  rocker_runc start "$(new_id)"
  wait "$RECEIVER"
  grep -q '^33 99' said
  grep -q '^1234' said
}

@test "console: the terminal is the controlling one: ^C is SIGINT" {
  make_bundle b '.process.terminal = true | .process.args = ["sh", "-c", $script]' \
    --arg script 'trap "echo interrupted; exit 4" INT; kill -0 $$; echo ready; while :; do sleep 0.05; done'
  receive_console
  create_container "$(new_id)" b --console-socket s
  rocker_runc start "$(new_id)"
  wait_until 5 grep -q ready said
  kill "$RECEIVER"
  rocker_runc delete -f "$(new_id)"
  # What was typed before is read as soon as the program has the terminal.
  edit_config b '.process.args = ["sh", "-c", $script]' --arg script 'trap "echo interrupted; exit 4" INT; read -t 5 x; sleep 5'
  receive_console
  rocker_runc run -d --console-socket s b "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  wait_until 5 grep -q tty=1 said
  kill -INT "$RECEIVER"
}

@test "console: exec hands its terminal over" {
  sleeping_bundle b
  run_detached "$(new_id)" b
  receive_console $'typed\n'
  rocker_runc exec -d -t --console-socket s "$(new_id)" sh -c 'tty; read line; echo "got $line"' \
    </dev/null >/dev/null 2>&1 3>&- 4>&-
  wait "$RECEIVER"
  grep -q 'got typed' said
  # The same by a process file, as conmon and containerd have it.
  jq '.process | .terminal = true | .consoleSize = {height: 12, width: 34} | .args = ["stty", "size"]' b/config.json >p.json
  receive_console
  rocker_runc exec --detach --process p.json --console-socket s "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  wait "$RECEIVER"
  grep -q '^12 34' said
}

@test "console: a socket that is not there, or nobody's, makes no container" {
  make_bundle b '.process.terminal = true'
  run --separate-stderr rocker_runc create --bundle b --console-socket missing "$(new_id)"
  assert_failure 1
  assert_one_error_line missing
  touch file
  run --separate-stderr rocker_runc create --bundle b --console-socket file "$(new_id)"
  assert_failure 1
  assert_one_error_line 'no socket'
  assert_nothing_made
}

@test "console: a path longer than a socket's address" {
  make_bundle b '.process.terminal = true | .process.args = ["echo", "hello"]'
  local long
  long=$TEST_DIR/$(printf 'x%.0s' {1..120})
  mkdir "$long"
  receive_console
  mv s "$long/s"
  rocker_runc run -d --console-socket "$long/s" b "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  wait "$RECEIVER"
  grep -q hello said
}
