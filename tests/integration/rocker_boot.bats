#!/usr/bin/env bats
# Containers as units of a systemd that is PID 1: rocker@NAME.service, and rocker-restart.service after a reboot.
# vm: systemd
load helpers
load cgroup_helpers

setup() {
  setup_test
  by_systemd || skip 'needs a systemd that is PID 1 (make test-vm)'
  needs command conmon
  import_busybox
  UNITS=/run/systemd/system
  mkdir -p "$UNITS/rocker@.service.d" "$UNITS/rocker-restart.service.d"
  local unit
  for unit in rocker@ rocker-restart; do
    sed "s|@BINDIR@|$BUILD|g" "$BATS_TEST_DIRNAME/../../scripts/package/$unit.service.in" >"$UNITS/$unit.service"
    # The store of this test in place of /var/lib/rocker.
    printf '[Unit]\nConditionPathExists=\nConditionPathExists=%s/containers\n[Service]\nEnvironment=ROCKER_ROOT=%s\n' "$ROCKER_ROOT" \
      "$ROCKER_ROOT" >"$UNITS/$unit.service.d/store.conf"
  done
  systemctl daemon-reload
}

teardown() {
  if by_systemd; then
    systemctl stop "rocker@$TEST_TAG" rocker-restart 2>/dev/null || :
    systemctl reset-failed 2>/dev/null || :
    rm -rf "${UNITS:?}"/rocker@.service* "$UNITS"/rocker-restart.service*
    systemctl daemon-reload
  fi
  teardown_test
}

status_of() { rocker inspect --format '{{.State.Status}}' "$1"; }
has_status() { [[ $(status_of "$1") = "$2" ]]; }
property() { systemctl show --value -p "$2" "$1"; }
unit_is() { [[ $(property "$1" ActiveState) = "$2" ]]; }

# What a machine that loses its power leaves: no process, no mount, an empty /run, the store as it was.
reboot() {
  local name dir run
  run=$(rocker info --format '{{.StateDir}}')
  for name; do
    dir=$(rocker inspect --format '{{.Bundle}}' "$name")
    # The monitor first: it must not get to note anything down.
    kill -KILL "$(<"$dir/conmon.pid")"
    local pid
    pid=$(<"$dir/pid")
    kill -KILL "$pid"
    wait_until 60 test ! -e "/proc/$pid"
    umount "$dir/rootfs"
  done
  rm -rf "$run"
}

@test "after a reboot rocker-restart.service starts what its policy says, and no more" {
  local name
  rocker run -d --name "$TEST_TAG-no" busybox sleep 1000
  rocker run -d --name "$TEST_TAG-failure" --restart on-failure busybox sleep 1000
  rocker run -d --name "$TEST_TAG-always" --restart always busybox sh -c 'echo started; exec sleep 1000'
  rocker run -d --name "$TEST_TAG-unless" --restart unless-stopped busybox sleep 1000
  rocker run -d --name "$TEST_TAG-stopped" --restart unless-stopped busybox sleep 1000
  rocker run -d --name "$TEST_TAG-ended" --restart always busybox sleep 1000
  rocker stop -t 0 "$TEST_TAG-stopped" "$TEST_TAG-ended"
  reboot "$TEST_TAG"-{no,failure,always,unless}
  for name in no failure always unless stopped ended; do has_status "$TEST_TAG-$name" exited; done

  systemctl start rocker-restart
  assert_equal "$(property rocker-restart ActiveState)" active
  for name in always unless ended; do assert_equal "$name $(status_of "$TEST_TAG-$name")" "$name running"; done
  for name in no failure stopped; do assert_equal "$name $(status_of "$TEST_TAG-$name")" "$name exited"; done
  run -0 rocker logs "$TEST_TAG-always"
  assert_output $'started\nstarted'
  run -0 rocker exec "$TEST_TAG-unless" echo inside
  assert_output inside
  # Stopping the unit stops no container, and the policy holds from here on.
  systemctl stop rocker-restart
  assert_equal "$(status_of "$TEST_TAG-always")" running
  kill -KILL "$(rocker inspect --format '{{.State.Pid}}' "$TEST_TAG-always")"
  wait_until 60 has_logged_thrice
}
has_logged_thrice() { [[ $(rocker logs "$TEST_TAG-always" | grep -c started) = 3 ]]; }

@test "start --all and --filter: which, and what they exclude" {
  rocker create --name "$TEST_TAG-a" --restart always busybox sleep 1000
  rocker create --name "$TEST_TAG-b" --label kind=b busybox sleep 1000
  rocker create --name "$TEST_TAG-c" busybox sleep 1000
  run -0 rocker start --all --filter restart-policy=always
  assert_output "$TEST_TAG-a"
  run -0 rocker start --filter label=kind=b
  assert_output "$TEST_TAG-b"
  run -0 rocker start --all
  assert_output "$TEST_TAG-c"
  run -0 rocker start --all
  assert_output ''
  run -1 rocker start --all "$TEST_TAG-c"
  assert_output --partial 'take no container'
  run -1 rocker start --all --attach
  assert_output --partial 'only one container'
  run -1 rocker start --all --filter colour=red
  assert_output --partial 'no filter "colour"'
}

@test "rocker@NAME.service: start, stop, logs, and the exit status that systemctl sees" {
  rocker create --name "$TEST_TAG" busybox sh -c 'trap "echo bye; exit 0" TERM; echo hello; while :; do sleep 0.1; done'
  systemctl start "rocker@$TEST_TAG"
  assert_equal "$(property "rocker@$TEST_TAG" ActiveState)" active
  assert_equal "$(status_of "$TEST_TAG")" running
  # conmon is the process that the unit has.
  assert_equal "$(property "rocker@$TEST_TAG" MainPID)" "$(<"$(rocker inspect --format '{{.Bundle}}' "$TEST_TAG")/conmon.pid")"
  systemctl stop "rocker@$TEST_TAG"
  assert_equal "$(status_of "$TEST_TAG")" exited
  run -0 rocker logs "$TEST_TAG"
  assert_output $'hello\nbye'
  # Started again and ended by `rocker stop`: the unit is done, and has not failed.
  systemctl start "rocker@$TEST_TAG"
  rocker stop "$TEST_TAG"
  wait_until 60 unit_is "rocker@$TEST_TAG" inactive
}

@test "rocker@NAME.service fails with the container's status, and its Restart= brings the container back" {
  rocker create --name "$TEST_TAG" busybox sh -c 'echo started; sleep 1; exit 7'
  systemctl start "rocker@$TEST_TAG"
  wait_until 60 has_restarted
  assert_equal "$(property "rocker@$TEST_TAG" ExecMainStatus)" 7
  systemctl stop "rocker@$TEST_TAG"
}
has_restarted() { [[ $(property "rocker@$TEST_TAG" NRestarts) -ge 1 && $(property "rocker@$TEST_TAG" ExecMainStatus) = 7 ]]; }
