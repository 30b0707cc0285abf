#!/usr/bin/env bats
# rocker as a unit of systemd starts it (rocker@.service, Type=notify): what the manager is told, and what it watches.
load helpers
load process

setup() {
  setup_test
  needs overlay
  needs command conmon
  needs command systemd-notify
  import_busybox
  : >told
  "$(helper socket-end)" notify "$TEST_DIR/manager" >told 2>&1 3>&- 4>&- &
  MANAGER=$!
  wait_until 5 test -S manager
}

teardown() {
  kill "${MANAGER-}" 2>/dev/null || :
  teardown_test
}

start() { NOTIFY_SOCKET=$TEST_DIR/manager rocker "$@" </dev/null >started 2>&1 3>&- 4>&-; }

@test "start tells the manager that the container runs, and names conmon" {
  # shellcheck disable=SC2016
  rocker create --name "$TEST_TAG" busybox sh -c 'echo "socket:$NOTIFY_SOCKET"; ls /run; exec sleep 1000'
  start start "$TEST_TAG"
  wait_until 5 grep -q READY=1 told
  local dir monitor
  dir=$(echo "$ROCKER_ROOT"/containers/*/)
  monitor=$(sed -n 's/^MAINPID=\([0-9]*\).*/\1/p' told)
  assert_equal "$monitor" "$(<"$dir/conmon.pid")"
  assert_equal "$(<"/proc/$monitor/comm")" conmon
  # The container knows of no manager.
  run -0 rocker logs "$TEST_TAG"
  assert_output 'socket:'
  # What ends the container ends what is watched.
  rocker stop -t 0 "$TEST_TAG"
  wait_until 5 test ! -e "/proc/$monitor"
}

@test "start of one that runs already names its conmon all the same" {
  rocker run -d --name "$TEST_TAG" busybox sleep 1000 >/dev/null
  start start "$TEST_TAG"
  wait_until 5 grep -q READY=1 told
  local dir
  dir=$(echo "$ROCKER_ROOT"/containers/*/)
  assert_equal "$(sed -n 's/^MAINPID=\([0-9]*\).*/\1/p' told)" "$(<"$dir/conmon.pid")"
}

@test "a container that does not start is not told of" {
  rocker create --name "$TEST_TAG" busybox /no/such/program
  run -1 start start "$TEST_TAG"
  sleep 0.2
  assert_equal "$(<told)" ''
}

@test "the process that is watched has the exit status of the container" {
  # conmon is the child of a subreaper here, as it is systemd's there.
  rocker create --name "$TEST_TAG" busybox sh -c 'sleep 1; exit 7'
  cat >reaper.py <<'END'
import ctypes, os, re, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
watched = int(re.search(r"MAINPID=(\d+)", open(sys.argv[1]).read())[1])
while True:
    pid, status = os.wait()
    if pid == watched:
        sys.exit(os.waitstatus_to_exitcode(status))
END
  export NOTIFY_SOCKET=$TEST_DIR/manager
  run -7 timeout 30 python3 reaper.py told "$ROCKER" start "$TEST_TAG"
}
