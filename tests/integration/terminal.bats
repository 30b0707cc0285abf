#!/usr/bin/env bats
# process.terminal and consoleSize: config.md, "Process". With a real terminal: tmux.

load helpers
load process

setup() {
  setup_test
  probe_bundle b '.process.terminal = true'
}

@test "terminal: a shell with a prompt, its size, Ctrl-C, resize, exit status" {
  needs command tmux
  edit_config b '.process.args = ["sh"] | .process.env += ["PS1=prompt> "]'
  terminal "'$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id)"
  wait_for_screen 'prompt>'
  type_keys 'tty; stty size' Enter
  wait_for_screen '^/dev/pts/0'
  wait_for_screen '^24 80'
  type_keys 'sleep 1000' Enter
  sleep 0.3
  type_keys C-c
  type_keys 'echo after-$?' Enter
  wait_for_screen '^after-130'
  resize_terminal 100 30
  wait_until 5 sh -c "tmux -L '$TEST_TAG' display -p -t t '#{window_width}' | grep -qx 100"
  type_keys 'stty size' Enter
  wait_for_screen '^30 100'
  type_keys 'exit 42' Enter
  wait_for_screen '\[status 42\]'
}

@test "terminal: the caller's terminal is as it was, also after the runtime was killed" {
  needs command tmux
  edit_config b '.process.args = ["sleep", "1000"]'
  tmux -L "$TEST_TAG" -f /dev/null new-session -d -x 80 -y 24 -s t \
    "stty -a >before; '$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b --pid-file pid $(new_id); stty -a >after; sleep 1000"
  wait_until 10 test -s pid
  sleep 0.3
  kill "$(cat pid)" || :
  rocker_runc kill "$(new_id)" KILL
  wait_until 10 test -s after
  diff before after
}

@test "terminal: consoleSize counts where the caller has no terminal" {
  edit_config b '.process.args = ["stty", "size"] | .process.consoleSize = {height: 25, width: 81}'
  run run_bundle b
  assert_success
  assert_output --partial '25 81'
}

@test "terminal: without a terminal bytes are relayed both ways" {
  edit_config b '.process.args = ["sh", "-c", "tty; stty -echo; echo ready; cat; echo the end"]'
  run bash -c "{ sleep 1; printf 'one\ntwo\n'; } | '$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id)"
  assert_success
  assert_line --partial /dev/pts/0
  assert_line --partial one
  assert_line --partial two
  assert_line --partial 'the end'
}

@test "terminal: all output arrives, however fast the program ends" {
  edit_config b '.process.args = ["sh", "-c", "seq 1 20000"]'
  rocker_runc run --bundle b "$(new_id)" </dev/null >out
  [[ $(tail -n 1 out | tr -d '\r') = 20000 ]]
  [[ $(wc -l <out) = 20000 ]]
}

@test "terminal: a large paste" {
  edit_config b '.process.args = ["probe", "paste", "2000000"]'
  run timeout 60 bash -c "{ sleep 1; head -c 2000000 /dev/zero | tr '\0' p; } |
    '$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id) | { sleep 2; tr -cd p | wc -c; }"
  assert_success
  assert_output 2000000
}

@test "terminal: it belongs to the user, and /dev/console is it" {
  edit_config b '.process.args = ["sh", "-c", "stat -c %u $(tty); stat -c %t:%T $(tty) /dev/console | uniq | wc -l"]
    | .process.user = {uid: 1234, gid: 1234}'
  run run_bundle b
  assert_success
  assert_line --index 0 --partial 1234
  assert_line --index 1 --partial 1
}

@test "terminal: exec -t" {
  needs command tmux
  edit_config b '.process.terminal = false | .process.args = ["sleep", "1000"]'
  run_detached "$(new_id)" b
  terminal "'$ROCKER_RUNC' --root '$RUNC_ROOT' exec -t $(new_id) sh"
  wait_for_screen '[#$] *$'
  type_keys 'tty; stty size' Enter
  wait_for_screen '^/dev/pts/0'
  wait_for_screen '^24 80'
  type_keys 'exit 43' Enter
  wait_for_screen '\[status 43\]'
  # And without one at hand.
  run rocker_runc exec -t "$(new_id)" tty </dev/null
  assert_success
  assert_output --partial /dev/pts/
}

@test "terminal: --console-socket gets the master" {
  needs command python3
  cat >console.py <<'PY'
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(sys.argv[1])
server.listen(1)
print("listening", flush=True)
connection, _ = server.accept()
name, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
master = array.array("i", control[0][2][:4])[0]
print(name.decode(), flush=True)
text = b""
try:
    while True:
        part = os.read(master, 4096)
        if not part: break
        text += part
except OSError:
    pass
print(text.decode().replace("\r", ""), flush=True)
PY
  python3 console.py "$TEST_DIR/console" >console.log 2>&1 3>&- &
  local server=$!
  wait_until 10 grep -q listening console.log
  edit_config b '.process.args = ["sh", "-c", "tty; echo hello"]'
  # containerd reads all that create says: nobody may have its output open when it is done.
  timeout 10 bash -c "'$ROCKER_RUNC' --root '$RUNC_ROOT' create --bundle b --console-socket '$TEST_DIR/console' $(new_id) \
    </dev/null 2>&1 3>&- | cat >create.log"
  rocker_runc start "$(new_id)"
  wait "$server"
  run cat console.log
  assert_line --index 1 --regexp '^/dev/'
  assert_line --index 2 /dev/pts/0
  assert_line --index 3 hello
}

@test "terminal: create and a detached run need a console socket" {
  run --separate-stderr rocker_runc create --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line console-socket
  run --separate-stderr rocker_runc run --detach --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line console-socket
  run --separate-stderr rocker_runc create --bundle b --console-socket "$TEST_DIR/none" "$(new_id)"
  assert_failure 1
  assert_one_error_line "$TEST_DIR/none"
  edit_config b '.process.terminal = false'
  run --separate-stderr rocker_runc create --bundle b --console-socket "$TEST_DIR/none" "$(new_id)"
  assert_failure 1
  assert_one_error_line
  assert_no_leftovers
}

@test "terminal: a /dev that leads elsewhere is not followed" {
  # devpts is not mounted, and /dev/ptmx is a link of the image's to the host's, as it hopes.
  edit_config b 'del(.mounts[] | select(.destination == "/dev/pts")) | .process.args = ["tty"]'
  run --separate-stderr run_bundle b
  assert_failure
  assert_one_error_line /process/terminal
  assert_no_leftovers
}
