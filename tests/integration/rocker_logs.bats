#!/usr/bin/env bats
# logs: by time, and no longer than --log-opt max-size says.
load helpers

setup() { setup_containers; }

@test "logs --since and --until: a moment, and so long ago" {
  rocker run -d --name "$TEST_TAG" busybox sh -c 'echo one; sleep 2; echo two; sleep 2; echo three' >/dev/null
  rocker wait "$TEST_TAG"
  run -0 rocker logs -t "$TEST_TAG"
  assert_equal "${#lines[@]}" 3
  local second=${lines[1]%% *}
  run -0 rocker logs --since "$second" "$TEST_TAG"
  assert_output $'two\nthree'
  run -0 rocker logs --until "$second" "$TEST_TAG"
  assert_line --index 0 one
  refute_line three
  run -0 rocker logs --since "$(date -d "$second + 1 second" +%s)" "$TEST_TAG"
  assert_output three
  run -0 rocker logs --since 1h "$TEST_TAG"
  assert_equal "${#lines[@]}" 3
  run -0 rocker logs --until 1h "$TEST_TAG"
  assert_output ''
  run -0 rocker logs --since 1h --until 0s --tail 1 "$TEST_TAG"
  assert_output three
  run -1 --separate-stderr rocker logs --since yesterday "$TEST_TAG"
  assert_one_error_line yesterday
}

@test "--log-opt max-size: the log is no longer, and has the newest" {
  run -0 rocker run -d --name "$TEST_TAG" --log-opt max-size=20k busybox sh -c 'seq 1 20000'
  rocker wait "$TEST_TAG"
  local size
  size=$(cat "$ROCKER_ROOT"/containers/*/log* | wc -c)
  ((size <= 45000)) || fail "the log has $size bytes"
  run -0 rocker logs --tail 1 "$TEST_TAG"
  assert_output 20000
  run -125 --separate-stderr rocker run -d --log-opt max-size=much busybox true
  assert_one_error_line max-size
  run -125 --separate-stderr rocker run -d --log-opt color=red busybox true
  assert_one_error_line color
}

@test "--log-driver none: there is no log, which logs says" {
  rocker run -d --name "$TEST_TAG" --log-driver none busybox echo lost >/dev/null
  rocker wait "$TEST_TAG"
  run -1 --separate-stderr rocker logs "$TEST_TAG"
  assert_one_error_line none
  run -125 --separate-stderr rocker run -d --log-driver syslog busybox true
  assert_one_error_line syslog
}

@test "logs -f of a container with a restart policy follows all its lives" {
  local i
  for i in 1 2 3 4; do
    rocker run -d --name "$TEST_TAG-$i" --restart on-failure:3 busybox sh -c 'echo start; sleep 0.3; exit 1'
    "$ROCKER" logs -f "$TEST_TAG-$i" >"followed.$i" 3>&- 4>&- &
  done
  wait
  for i in 1 2 3 4; do assert_equal "$(grep -c start "followed.$i")" 4; done
}
