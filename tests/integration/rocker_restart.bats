#!/usr/bin/env bats
# Restart policies: who is started again, how often, and who is not.
load helpers

setup() { setup_containers; }

starts() { rocker logs "$1" | grep -c started; }
started_times() { [[ $(starts "$1") -ge $2 ]]; }
status_of() { rocker inspect --format '{{.State.Status}}' "$1"; }

@test "--restart no, and on-failure of what ends well: once" {
  rocker run -d --name "$TEST_TAG-1" busybox sh -c 'echo started; exit 3'
  rocker run -d --name "$TEST_TAG-2" --restart on-failure busybox sh -c 'echo started'
  sleep 1.5
  assert_equal "$(starts "$TEST_TAG-1")" 1
  assert_equal "$(starts "$TEST_TAG-2")" 1
  assert_equal "$(status_of "$TEST_TAG-2")" exited
}

@test "--restart on-failure:N: N times more, then never" {
  rocker run -d --name "$TEST_TAG" --restart on-failure:2 busybox sh -c 'echo started; exit 3'
  wait_until 10 started_times "$TEST_TAG" 3
  sleep 1.5
  assert_equal "$(starts "$TEST_TAG")" 3
  run -0 rocker inspect --format '{{.RestartCount}} {{.HostConfig.RestartPolicy.Name}} {{.State.ExitCode}}' "$TEST_TAG"
  assert_output '2 on-failure 3'
}

@test "--restart always: whatever its status, until it is stopped" {
  rocker run -d --name "$TEST_TAG" --restart always busybox sh -c 'echo started; sleep 0.2'
  wait_until 10 started_times "$TEST_TAG" 3
  rocker stop -t 0 "$TEST_TAG"
  local now
  now=$(starts "$TEST_TAG")
  sleep 2
  assert_equal "$(starts "$TEST_TAG")" "$now"
  assert_equal "$(status_of "$TEST_TAG")" exited
  # Started by hand it has its policy again.
  rocker start "$TEST_TAG"
  wait_until 10 started_times "$TEST_TAG" $((now + 2))
  rocker rm -f "$TEST_TAG"
  sleep 1
  run -0 rocker ps -aq
  assert_output ''
}

@test "--restart unless-stopped: killed from outside it comes back, by kill of ours it does not" {
  rocker run -d --name "$TEST_TAG" --restart unless-stopped busybox sh -c 'echo started; exec sleep 1000'
  wait_until 10 started_times "$TEST_TAG" 1
  kill -KILL "$(rocker inspect --format '{{.State.Pid}}' "$TEST_TAG")"
  wait_until 10 started_times "$TEST_TAG" 2
  rocker kill "$TEST_TAG"
  sleep 1
  assert_equal "$(starts "$TEST_TAG")" 2
}

@test "update --restart changes the policy of one that runs; what is no policy is refused" {
  rocker run -d --name "$TEST_TAG" --restart always busybox sh -c 'echo started; sleep 1'
  rocker update --restart no "$TEST_TAG"
  rocker wait "$TEST_TAG"
  sleep 1.5
  assert_equal "$(starts "$TEST_TAG")" 1
  run -125 --separate-stderr rocker run -d --restart sometimes busybox true
  assert_one_error_line sometimes
  run -125 --separate-stderr rocker run --rm --restart always busybox true
  assert_one_error_line --restart
}

# Its delay grows: after five lives it is 1.6 seconds and more.
in_backoff() { [[ $(status_of "$1") = restarting && $(starts "$1") -ge $2 ]]; }
restarter() { jq -r .restarter "$ROCKER_ROOT"/containers/*/container.json; }

@test "between two lives it is restarting, for ps, inspect and what needs it to run" {
  rocker run -d --name "$TEST_TAG" --restart always busybox sh -c 'echo started; exit 1'
  wait_until 15 in_backoff "$TEST_TAG" 6
  run -0 rocker inspect --format '{{with .State}}{{.Status}} {{.Restarting}} {{.Running}} {{.ExitCode}} {{.Pid}}{{end}}' "$TEST_TAG"
  assert_output 'restarting true true 1 0'
  run -0 rocker ps --format '{{.State}}: {{.Status}}' -f status=restarting
  assert_output --regexp '^restarting: Restarting \(1\) .* ago$'
  run -0 rocker ps -q
  assert_equal "${#lines[@]}" 1
  run -0 rocker ps -aq -f status=exited
  assert_output ''
  run -1 --separate-stderr rocker rm "$TEST_TAG"
  assert_one_error_line 'is restarting'
  run -125 --separate-stderr rocker exec "$TEST_TAG" true
  assert_one_error_line 'is restarting'
  run -1 --separate-stderr rocker pause "$TEST_TAG"
  assert_one_error_line 'is restarting'
  run -0 rocker container prune -f
  refute_output --partial Deleted
  # It will start by itself.
  run -0 rocker start "$TEST_TAG"
  assert_output "$TEST_TAG"
  rocker rm -f "$TEST_TAG"
  run -0 rocker ps -aq
  assert_output ''
}

@test "stop and kill end the restarting at once, and wait lasts to the next end" {
  rocker run -d --name "$TEST_TAG" --restart on-failure busybox sh -c 'echo started; exit 4'
  local verb now waiter
  for verb in stop kill; do
    wait_until 15 in_backoff "$TEST_TAG" $(($(starts "$TEST_TAG") + 5))
    now=$(starts "$TEST_TAG")
    waiter=$(restarter)
    rocker "$verb" "$TEST_TAG"
    run -0 rocker inspect --format '{{.State.Status}} {{.State.Restarting}} {{.State.ExitCode}}' "$TEST_TAG"
    assert_output 'exited false 4'
    [[ ! -e /proc/$waiter ]] || fail "$verb left the process that waits"
    assert_equal "$(starts "$TEST_TAG")" "$now"
    rocker start "$TEST_TAG"
  done
  wait_until 15 in_backoff "$TEST_TAG" $(($(starts "$TEST_TAG") + 4))
  now=$(starts "$TEST_TAG")
  run -0 timeout 30 "$ROCKER" wait "$TEST_TAG"
  assert_output 4
  (($(starts "$TEST_TAG") > now)) || fail 'wait did not'
}

@test "one whose restart was killed is exited" {
  rocker run -d --name "$TEST_TAG" --restart always busybox sh -c 'echo started; exit 1'
  wait_until 15 in_backoff "$TEST_TAG" 5
  kill -KILL "$(restarter)"
  run -0 rocker ps -a --format '{{.Status}}'
  assert_output --partial 'Exited (1)'
  rocker rm "$TEST_TAG"
}
