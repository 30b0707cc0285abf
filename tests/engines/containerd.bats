#!/usr/bin/env bats
# containerd with rocker-runc under its shim, by ctr. A daemon of the test's own.

load ../integration/helpers

setup() {
  setup_test
  needs command containerd
  needs command ctr
  cat >config.toml <<CONF
version = 2
root = "$TEST_DIR/ctd"
state = "$TEST_DIR/ctd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$TEST_DIR/ctd.sock"
CONF
  export CONTAINERD_ADDRESS=$TEST_DIR/ctd.sock
  containerd --config "$TEST_DIR/config.toml" </dev/null >containerd.log 2>&1 3>&- 4>&- &
  DAEMON=$!
  wait_until 20 timeout 5 ctr version >/dev/null 2>&1
  cp -a "$(busybox_rootfs)" rootfs
  ID=$(new_id)
}

teardown() {
  if [[ -n ${DAEMON-} ]]; then
    timeout 10 ctr task kill -s KILL "$ID" >/dev/null 2>&1 || :
    timeout 10 ctr task rm -f "$ID" >/dev/null 2>&1 || :
    timeout 10 ctr container rm "$ID" >/dev/null 2>&1 || :
    kill "$DAEMON" 2>/dev/null || :
    wait "$DAEMON" 2>/dev/null || :
  fi
  teardown_test
}

ctr_run() { # OPTION... -- ARGUMENT...
  local options=()
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  timeout 60 ctr run --runc-binary "$ROCKER_RUNC" --env PATH=/bin "${options[@]}" --rootfs "$TEST_DIR/rootfs" "$ID" "$@" 3>&- 4>&-
}

@test "containerd: a container runs, and its exit status is ctr's" {
  run ctr_run --rm -- echo 'Hello World'
  assert_success
  assert_output 'Hello World'
  run ctr_run --rm -- sh -c 'exit 7'
  assert_failure 7
}

@test "containerd: run, exec, kill, delete" {
  run ctr_run --detach -- sleep 1000
  assert_success
  run timeout 20 ctr task ls
  assert_line --regexp "$ID +[0-9]+ +RUNNING"
  run timeout 20 ctr task exec --exec-id one "$ID" sh -c 'echo inside; exit 3'
  assert_failure 3
  assert_output inside
  run timeout 20 ctr task kill -s KILL "$ID"
  assert_success
  wait_until 10 sh -c "timeout 5 ctr task ls | grep -qE '$ID +[0-9]+ +STOPPED'"
  run timeout 20 ctr task rm "$ID"
  run timeout 20 ctr container rm "$ID"
  assert_success
}

@test "containerd: a terminal" {
  needs command tmux
  terminal "CONTAINERD_ADDRESS=$CONTAINERD_ADDRESS ctr run --runc-binary $ROCKER_RUNC --rm --tty --env PATH=/bin --rootfs $TEST_DIR/rootfs $ID sh"
  wait_for_screen '[#$] *$'
  type_keys 'tty; echo size-$(stty size)' Enter
  wait_for_screen '/dev/pts/0'
  wait_for_screen 'size-24 80'
  type_keys 'exit 5' Enter
  wait_for_screen '\[status 5\]'
}

@test "containerd: the error of the runtime is what the user sees" {
  run ctr_run --rm -- nope
  assert_failure
  assert_output --partial 'exec: "nope": executable file not found in $PATH'
}
