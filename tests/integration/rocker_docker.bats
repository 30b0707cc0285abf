#!/usr/bin/env bats
# What scripts that were written for docker ask for and read.
load helpers

setup() {
  setup_test
  needs overlay
  needs command conmon
  import_busybox
}

@test "--platform: an image of another one is refused, and says what it is" {
  local mine=amd64 other=arm64
  [[ $(jq -r '.[0].architecture' <(rocker_image inspect busybox)) = amd64 ]] || { mine=arm64 other=amd64; }
  local good
  for good in linux "linux/$mine" "$mine" "$(uname -m)" "linux/$(uname -m)"; do
    run -0 rocker run --rm --platform "$good" busybox echo hello </dev/null
    assert_output hello
  done
  local verb
  for verb in run create; do
    run --separate-stderr rocker "$verb" --platform "linux/$other" busybox true
    assert_failure
    assert_one_error_line "--platform: busybox:latest is linux/$mine, asked for is linux/$other"
  done
  run -125 --separate-stderr rocker run --platform windows/amd64 busybox true
  assert_one_error_line 'asked for is windows/amd64'
  run -125 --separate-stderr rocker run --platform linux//arm64 busybox true
  assert_one_error_line 'linux//arm64'
  run -0 rocker ps -aq
  assert_output ''
}
