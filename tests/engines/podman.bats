#!/usr/bin/env bats
# podman with rocker-runc as its runtime. All its state is below the test's folder.

load ../integration/helpers

setup() {
  setup_test
  needs command podman
  needs command conmon
  # podman asks for more open files and processes than some machines let it have.
  cat >containers.conf <<'CONF'
[containers]
default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
init_path="/usr/bin/catatonit"
CONF
  export CONTAINERS_CONF=$TEST_DIR/containers.conf
  podman_ import "$(busybox_tar)" rocker/busybox >import.log 2>&1
}

teardown() {
  [[ ! -d $TEST_DIR/storage ]] || podman_ rm -f --all >/dev/null 2>&1 || :
  teardown_test
}

podman_() {
  timeout --foreground 60 podman --root "$TEST_DIR/storage" --runroot "$TEST_DIR/run" --tmpdir "$TEST_DIR/tmp" --storage-driver vfs \
    --cgroup-manager cgroupfs --runtime "$ROCKER_RUNC" "$@" 3>&- 4>&-
}
run_options=(--network none --cgroup-parent "/$TEST_TAG")

@test "podman: a container runs, and its exit status is podman's" {
  run podman_ run "${run_options[@]}" --rm rocker/busybox echo 'Hello World'
  assert_success
  assert_output 'Hello World'
  run podman_ run "${run_options[@]}" --rm rocker/busybox sh -c 'exit 7'
  assert_failure 7
}

@test "podman: run, exec, logs, stop, rm" {
  run podman_ run "${run_options[@]}" -d --name "$TEST_TAG" rocker/busybox sh -c 'echo started; trap exit TERM; sleep 1000 & wait'
  assert_success
  run podman_ exec "$TEST_TAG" sh -c 'echo inside; exit 3'
  assert_failure 3
  assert_output inside
  run podman_ logs "$TEST_TAG"
  assert_output started
  run podman_ stop -t 10 "$TEST_TAG"
  assert_success
  run podman_ rm "$TEST_TAG"
  assert_success
  run podman_ ps --all --quiet
  assert_output ''
}

@test "podman: a terminal" {
  needs command tmux
  terminal "$(declare -f podman_); TEST_DIR=$TEST_DIR ROCKER_RUNC=$ROCKER_RUNC podman_ run ${run_options[*]} --rm -it rocker/busybox sh"
  wait_for_screen '[#$] *$'
  type_keys 'tty; echo size-$(stty size)' Enter
  wait_for_screen '/dev/pts/0'
  wait_for_screen 'size-24 80'
  type_keys 'exit 5' Enter
  wait_for_screen '\[status 5\]'
}

@test "podman: exit codes of what can't be executed" {
  run -127 podman_ run "${run_options[@]}" --rm rocker/busybox nope
  run -127 podman_ run "${run_options[@]}" --rm rocker/busybox /nope
  run podman_ run "${run_options[@]}" --rm rocker/busybox /etc
  assert_failure 126
}

@test "podman: limits, user, read-only, environment" {
  needs cgroup v1
  run podman_ run "${run_options[@]}" --rm --memory 64m --user 12:34 --read-only --env A=b rocker/busybox \
    sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes; id -u; id -g; echo $A; touch /x 2>&1'
  assert_failure
  assert_line --index 0 67108864
  assert_line --index 1 12
  assert_line --index 2 34
  assert_line --index 3 b
  assert_line --index 4 --partial 'Read-only file system'
}
