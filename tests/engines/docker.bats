#!/usr/bin/env bats
# Docker with rocker-runc as its default runtime. A dockerd of the test's own, without a network.

load ../integration/helpers

setup() {
  setup_test
  needs command dockerd
  [[ -x /usr/bin/docker ]] || skip "needs Debian's docker.io"
  echo '{}' >daemon.json
  dockerd --config-file "$TEST_DIR/daemon.json" --data-root "$TEST_DIR/docker" --exec-root "$TEST_DIR/docker-exec" \
    --pidfile "$TEST_DIR/docker.pid" -H "unix://$TEST_DIR/docker.sock" --bridge=none --iptables=false --ip6tables=false \
    --ip-forward=false --ip-masq=false --userland-proxy=false --cgroup-parent "/$TEST_TAG" \
    --add-runtime "rocker=$ROCKER_RUNC" --default-runtime rocker </dev/null >dockerd.log 2>&1 3>&- 4>&- &
  DAEMON=$!
  wait_until 30 docker_ version >/dev/null 2>&1
  docker_ import "$(busybox_tar)" busybox >import.log 2>&1
}

teardown() {
  if [[ -n ${DAEMON-} ]]; then
    docker_ ps --all --quiet 2>/dev/null | xargs -r timeout 30 /usr/bin/docker -H "unix://$TEST_DIR/docker.sock" rm -f >/dev/null 2>&1 || :
    kill "$DAEMON" 2>/dev/null || :
    wait "$DAEMON" 2>/dev/null || :
  fi
  teardown_test
}

docker_() { timeout 60 /usr/bin/docker -H "unix://$TEST_DIR/docker.sock" "$@" 3>&- 4>&-; }
run_options=(--network none)

@test "docker: a container runs, and its exit status is docker's" {
  run docker_ run "${run_options[@]}" --rm busybox echo 'Hello World'
  assert_success
  assert_output 'Hello World'
  run docker_ run "${run_options[@]}" --rm busybox sh -c 'exit 7'
  assert_failure 7
  run docker_ info --format '{{.DefaultRuntime}}'
  assert_output rocker
}

@test "docker: run, exec, logs, stop, rm" {
  run docker_ run "${run_options[@]}" -d --name one busybox sh -c 'echo started; trap exit TERM; sleep 1000 & wait'
  assert_success
  run docker_ exec one sh -c 'echo inside; exit 3'
  assert_failure 3
  assert_output inside
  wait_until 10 sh -c "timeout 10 /usr/bin/docker -H unix://$TEST_DIR/docker.sock logs one | grep -q started"
  run docker_ stop -t 10 one
  assert_success
  run docker_ rm one
  assert_success
  run docker_ ps --all --quiet
  assert_output ''
}

@test "docker: exit codes of what can't be executed" {
  run -127 docker_ run "${run_options[@]}" --rm busybox nope
  run -127 docker_ run "${run_options[@]}" --rm busybox /nope
  run docker_ run "${run_options[@]}" --rm busybox /etc
  assert_failure 126
}

@test "docker: limits, seccomp profile, user, init" {
  needs cgroup v1
  run docker_ run "${run_options[@]}" --rm --memory 64m --pids-limit 50 --user 12:34 busybox \
    sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max; id -u; grep Seccomp: /proc/self/status'
  assert_success
  assert_line --index 0 67108864
  assert_line --index 1 50
  assert_line --index 2 12
  assert_line --index 3 $'Seccomp:\t2'
}

@test "docker: a terminal" {
  needs command tmux
  terminal "/usr/bin/docker -H unix://$TEST_DIR/docker.sock run --network none --rm -it busybox sh"
  wait_for_screen '[#$] *$'
  type_keys 'tty; echo size-$(stty size)' Enter
  wait_for_screen '/dev/pts/0'
  wait_for_screen 'size-24 80'
  type_keys 'exit 5' Enter
  wait_for_screen '\[status 5\]'
}
