#!/usr/bin/env bats
# NOTIFY_SOCKET: a container's readiness reaches the service manager (sd_notify(3)).

load helpers
load lifecycle
load process

# A bundle whose program tells that it is ready when /go is there.
notifying_bundle() {
  make_bundle b '.process.args = ["sh", "-c", $script]' --arg script '
    echo "$NOTIFY_SOCKET" >/socket
    until [ -e /go ]; do sleep 0.05; done
    socket-end send "$NOTIFY_SOCKET" "STATUS=not for you
READY=1
MAINPID=1"
    exec sleep 1000'
  cp "$(helper socket-end)" b/rootfs/bin/
}

service_manager() { # ADDRESS
  : >told
  "$(helper socket-end)" notify "$1" >told 2>&1 3>&- 4>&- &
  MANAGER=$!
  [[ $1 = @* ]] && wait_until 5 grep -q "$1" /proc/net/unix || wait_until 5 test -S "$1"
}

told_ready() { [[ $(cat told) = "READY=1"$'\n'"MAINPID=$1" ]]; }

@test "NOTIFY_SOCKET: create and start; start returns when the container is ready" {
  notifying_bundle
  service_manager "$TEST_DIR/manager"
  export NOTIFY_SOCKET=$TEST_DIR/manager
  create_container "$(new_id)" b
  rocker_runc start "$(new_id)" >start.log 2>&1 3>&- 4>&- &
  local start=$!
  wait_until 5 test -s b/rootfs/socket
  # The container has a socket of its own, not the manager's.
  assert_equal "$(cat b/rootfs/socket)" /run/notify/notify.sock
  kill -0 "$start"
  assert_equal "$(cat told)" ''
  touch b/rootfs/go
  wait_for "$start"
  assert_success
  # The pid is the host's, and nothing else that the container says is passed on.
  wait_until 5 told_ready "$(container_pid "$(new_id)")"
  kill "$MANAGER"
}

@test "NOTIFY_SOCKET: run" {
  notifying_bundle
  touch b/rootfs/go
  service_manager "$TEST_DIR/manager"
  NOTIFY_SOCKET=$TEST_DIR/manager rocker_runc run -d b "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  told_ready "$(container_pid "$(new_id)")"
  rocker_runc delete -f "$(new_id)"
  : >told
  NOTIFY_SOCKET=$TEST_DIR/manager rocker_runc run b "$(new_id)" </dev/null >run.log 2>&1 3>&- 4>&- &
  wait_until 5 test -s told
  told_ready "$(container_pid "$(new_id)")"
  rocker_runc kill "$(new_id)" KILL
  wait_for "$!"
  assert_failure 137
  kill "$MANAGER"
  assert_nothing_made
}

@test "NOTIFY_SOCKET: an abstract address" {
  notifying_bundle
  touch b/rootfs/go
  service_manager "@$TEST_TAG"
  NOTIFY_SOCKET=@$TEST_TAG rocker_runc run -d b "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  told_ready "$(container_pid "$(new_id)")"
  kill "$MANAGER"
}

@test "NOTIFY_SOCKET: a container that ends without a word does not hang start" {
  make_bundle b '.process.args = ["true"]'
  service_manager "$TEST_DIR/manager"
  export NOTIFY_SOCKET=$TEST_DIR/manager
  create_container "$(new_id)" b
  timeout 10 "$ROCKER_RUNC" --root "$RUNC_ROOT" start "$(new_id)"
  assert_equal "$(cat told)" ''
  kill "$MANAGER"
}

@test "NOTIFY_SOCKET: without it the container has neither the variable nor the mount" {
  make_bundle b '.process.args = ["sh", "-c", "echo \"<$NOTIFY_SOCKET>\"; ls /run"]'
  run rocker_runc run b "$(new_id)" </dev/null
  assert_success
  assert_output '<>'
}
