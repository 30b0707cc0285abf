#!/usr/bin/env bats
# stop, kill, restart, rm and top of a container that is being started, paused or stubborn.

load helpers

setup() { setup_containers; }

# A runtime whose create waits for a file "go".
slow_runtime() {
  cat >slow <<END
#!/bin/sh
case " \$* " in *' create '*) until [ -e "$TEST_DIR/go" ]; do sleep 0.05; done ;; esac
exec "$ROCKER_RUNC" "\$@"
END
  chmod +x slow
}

@test "a container that is being started is nobody else's to remove or start" {
  slow_runtime
  ROCKER_RUNTIME=$TEST_DIR/slow rocker run -d --name web busybox sleep 1000 >out 2>&1 </dev/null 3>&- 4>&- &
  local starting=$!
  has_begun() { compgen -G "$ROCKER_ROOT/containers/*/sync" >/dev/null; }
  wait_until 20 has_begun
  run -1 --separate-stderr rocker rm web
  assert_one_error_line 'is starting'
  run -0 rocker container prune -f
  assert_output 'Total reclaimed space: 0B'
  run -1 --separate-stderr rocker start web
  assert_one_error_line 'is starting already'
  # stop waits until there is something to stop.
  rocker stop -t 0 web >stopped 2>&1 </dev/null 3>&- 4>&- &
  local stopping=$!
  touch go
  wait "$starting" || fail "run: $(cat out)"
  wait "$stopping" || fail "stop: $(cat stopped)"
  run -0 rocker ps -a --format '{{.State}}'
  assert_output exited
}

@test "stop and restart with a signal of the caller's" {
  rocker run -d --name ss busybox sh -c 'trap "echo usr1; exit 3" USR1; trap "echo term; exit 4" TERM; echo ready; while :; do sleep 0.05; done'
  ready() { rocker logs ss | grep -q ready; }
  wait_until 10 ready
  rocker stop -s USR1 ss
  run -0 rocker logs ss
  assert_output $'ready\nusr1'
  run -0 rocker inspect -f '{{.State.ExitCode}}' ss
  assert_output 3
  rocker start ss
  ready_again() { [[ $(rocker logs ss | grep -c ready) = 2 ]]; }
  wait_until 10 ready_again
  rocker restart -s USR1 ss
  run -0 rocker logs ss
  assert_output --partial $'ready\nusr1\nready\nusr1'
}

@test "a paused container is stopped, and killed" {
  local verb
  for verb in 'stop -t 0' 'stop -t 20' 'kill' 'rm -f'; do
    # As the first process, sh acts on a signal that it traps.
    rocker run -d --name pp busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done'
    rocker pause pp
    # shellcheck disable=SC2086
    run -0 timeout 30 "$ROCKER" $verb pp
    if [[ $verb != rm* ]]; then
      run -0 rocker ps -a --format '{{.State}}'
      assert_output exited
      rocker rm pp
    fi
    run -0 rocker ps -aq
    assert_output ''
  done
}

@test "what a failed start exits with is what ps and inspect say" {
  local n
  for n in 1 2 3; do
    run -127 rocker run -d --name "r$n" busybox nosuch
    run -126 rocker run --name "f$n" busybox /etc/passwd </dev/null
  done
  # Whoever noted the end down last.
  no_monitor() { ! pgrep -f "conmon.*$ROCKER_ROOT" >/dev/null; }
  wait_until 10 no_monitor
  run -0 rocker inspect -f '{{.State.ExitCode}}' r1 r2 r3 f1 f2 f3
  assert_output $'127\n127\n127\n126\n126\n126'
}

@test "top shows what is in the container, whatever ps is asked for" {
  rocker run -d --name tt busybox sleep 1234
  local options
  for options in '' aux -ef '-e -o pid,args' ax; do
    # shellcheck disable=SC2086
    run -0 rocker top tt $options
    assert_equal "${#lines[@]}" 2
    assert_line --index 1 --partial 'sleep 1234'
  done
  run -1 --separate-stderr rocker top tt -o comm
  assert_one_error_line 'no column PID'
}

@test "values that are none are refused before anything is made" {
  rocker create --name cc busybox true
  run -1 --separate-stderr rocker update --restart bogus cc
  assert_one_error_line '--restart: expected no, on-failure[:N], always or unless-stopped'
  run -1 --separate-stderr rocker ps --sort bogus
  assert_one_error_line '--sort'
  run -125 --separate-stderr rocker run --hostname $'a\n1.2.3.4 evil' busybox true
  assert_one_error_line --hostname
  echo 'bad line here=1' >env
  run -125 --separate-stderr rocker run --env-file env busybox true
  assert_one_error_line 'no space in the name'
  run -0 rocker ps -aq
  assert_equal "${#lines[@]}" 1
}

@test "an anonymous volume stays when its container is removed, and goes with -v and --rm" {
  volumes() { rocker volume ls -q | wc -l; }
  rocker run --name keep -v /data busybox touch /data/file
  rocker rm keep
  assert_equal "$(volumes)" 1
  run -0 rocker system df
  assert_line --regexp '^Local Volumes +1 +0 '
  rocker run --name go -v /data busybox true
  run -0 rocker system df
  assert_line --regexp '^Local Volumes +2 +1 '
  rocker rm -v go
  assert_equal "$(volumes)" 1
  rocker run --rm -v /data busybox true
  rocker run -d --rm --name gone -v /data busybox sleep 1000
  rocker rm -f gone
  assert_equal "$(volumes)" 1
  rocker create --name pruned -v /data busybox true
  rocker container prune -f
  assert_equal "$(volumes)" 2
  run -0 rocker volume prune -f
  assert_equal "$(volumes)" 0
}
