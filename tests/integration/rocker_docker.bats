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

@test "ps: named volumes and folders of the host's are mounts too; filters by volume, age and label" {
  mkdir shared
  rocker create --name one -v data:/data -v "$PWD/shared:/in:ro" --mount type=bind,source=/etc,target=/conf busybox true
  rocker create --name two -v /anonymous --label kind=x busybox true
  rocker create --name three --tmpfs /scratch busybox true
  run -0 rocker ps -a --no-trunc --format '{{.LocalVolumes}} {{.Mounts}}' --filter name=one
  assert_output "1 data,$PWD/shared,/etc"
  run -0 rocker ps -a --format '{{.Mounts}}' --filter name=two
  assert_output --regexp '^[0-9a-f]{14}…$'
  run -0 rocker ps -a --format '{{.LocalVolumes}}[{{.Mounts}}]' --filter name=three
  assert_output '0[]'
  local value
  for value in data "$PWD/shared" /in; do
    run -0 rocker ps -a --format '{{.Names}}' --filter "volume=$value"
    assert_output one
  done
  run -0 rocker ps -a --format '{{.Names}}' --filter volume=nothing
  assert_output ''
  run -0 rocker ps -a --format '{{.Names}}' --filter since=one
  assert_output $'three\ntwo'
  run -0 rocker ps -a --format '{{.Names}}' --filter before=three --filter since=one
  assert_output two
  run -1 --separate-stderr rocker ps -a --filter since=nobody
  assert_one_error_line 'No such container: nobody'
  run -0 rocker ps -a --format '{{.Names}}' --filter label!=kind=x
  assert_output $'three\none'
}
