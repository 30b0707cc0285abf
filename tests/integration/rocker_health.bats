#!/usr/bin/env bats
# Health checks: of the command line, and of the image.
load helpers

setup() {
  setup_test
  needs overlay
  needs command conmon
}

health_of() { rocker inspect --format '{{.State.Health.Status}}' "$1"; }
is() { [[ $(health_of "$1") = "$2" ]]; }
run_with_check() { # IMAGE OPTION...
  local image=$1
  shift
  rocker run -d --name "$TEST_TAG" "$@" "$image" sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' >/dev/null 3>&- 4>&-
}

@test "the image's check runs: healthy, unhealthy when it fails, and healthy again" {
  rocker_image import -c 'HEALTHCHECK --interval=100ms --retries=2 CMD test -e /ok && echo fine || { echo bad; exit 3; }' \
    "$(busybox_tar)" checked
  run -0 jq -c .config.Healthcheck "$(dirname "$(rocker_image path checked)")/image.json"
  assert_output '{"Test":["CMD-SHELL","test -e /ok && echo fine || { echo bad; exit 3; }"],"Interval":100000000,"Retries":2}'
  run_with_check checked
  wait_until 10 is "$TEST_TAG" unhealthy
  run -0 rocker inspect --format '{{json .State.Health}}' "$TEST_TAG"
  assert_json '.Log[-1].ExitCode' 3
  assert_json '.Log[-1].Output' '"bad\n"'
  assert_json '.FailingStreak >= 2' true
  run -0 rocker ps
  assert_output --partial '(unhealthy)'
  rocker exec "$TEST_TAG" touch /ok
  wait_until 10 is "$TEST_TAG" healthy
  run -0 rocker inspect --format '{{json .State.Health}}' "$TEST_TAG"
  assert_json .FailingStreak 0
  assert_json '.Log | length <= 5' true
  run -0 rocker ps --filter health=healthy -q
  refute_output ''
  run -0 rocker events --since 1m --until 0s --filter "container=$TEST_TAG" --format '{{.Action}}'
  assert_line 'health_status: unhealthy'
  assert_line 'health_status: healthy'
  # The check ends with its container.
  rocker stop -t 5 "$TEST_TAG"
  assert_equal "$(pgrep -fc "container health .*$(rocker inspect --format '{{.Id}}' "$TEST_TAG")")" 0
}

@test "the exec form runs without a shell, and a foreground run --rm is checked too" {
  rocker_image import -c 'HEALTHCHECK --interval=100ms CMD ["touch", "/checked in $HOME"]' "$(busybox_tar)" checked
  run -0 timeout -s KILL 30 "$ROCKER" run --rm checked sh -c 'for i in $(seq 100); do [ -e "/checked in \$HOME" ] && exec echo seen; sleep 0.1; done'
  assert_output seen
}

@test "--no-healthcheck, --health-cmd and its times go before the image's" {
  rocker_image import -c 'HEALTHCHECK --interval=1h CMD false' "$(busybox_tar)" checked
  run_with_check checked --no-healthcheck
  assert_equal "$(rocker inspect "$TEST_TAG" | jq '.[0].State.Health')" null
  rocker rm -f "$TEST_TAG"
  run_with_check checked --health-cmd true --health-interval 100ms
  wait_until 10 is "$TEST_TAG" healthy
  rocker rm -f "$TEST_TAG"
  run_with_check checked --health-interval 1s --health-retries 1
  wait_until 10 is "$TEST_TAG" unhealthy
}

@test "HEALTHCHECK NONE is no check, and what is wrong in one is said" {
  rocker_image import -c 'HEALTHCHECK NONE' "$(busybox_tar)" unchecked
  run_with_check unchecked
  assert_equal "$(rocker inspect "$TEST_TAG" | jq '.[0].State.Health')" null
  run -1 --separate-stderr rocker_image import -c 'HEALTHCHECK --interval=soon CMD true' "$(busybox_tar)" x
  assert_one_error_line 'expected a duration like 30s'
  run -1 --separate-stderr rocker_image import -c 'HEALTHCHECK true' "$(busybox_tar)" x
  assert_one_error_line 'expected CMD and a command, or NONE'
}

@test "a check that takes too long fails, and its process goes" {
  import_busybox
  run_with_check busybox --health-cmd 'exec sleep 4321' --health-interval 1s --health-timeout 1s --health-retries 1
  wait_until 15 is "$TEST_TAG" unhealthy
  run -0 rocker inspect --format '{{json .State.Health.Log}}' "$TEST_TAG"
  assert_json '.[0].ExitCode' -1
  rocker pause "$TEST_TAG"
  run -0 rocker top "$TEST_TAG"
  # At most the one that runs just now.
  [[ $(grep -c 'sleep 4321' <<<"$output") -le 1 ]]
  rocker unpause "$TEST_TAG"
}

@test "start-period: what fails while it is young does not count" {
  import_busybox
  run_with_check busybox --health-cmd false --health-interval 1s --health-retries 1 --health-start-period 1h
  wait_until 10 test "$(sleep 2.5; health_of "$TEST_TAG")" = starting
  run -0 rocker inspect --format '{{json .State.Health}}' "$TEST_TAG"
  assert_json '.FailingStreak' 0
  assert_json '.Log | length >= 1' true
}

# A docker archive of busybox as docker save writes it, whose config has this Healthcheck.
docker_archive() { # JSON
  local layer
  mkdir -p archive
  gzip -dc "$(busybox_tar)" >archive/layer.tar
  layer=$(sha256sum <archive/layer.tar | cut -d' ' -f1)
  jq -n --arg layer "sha256:$layer" --argjson check "$1" '{architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: [$layer]},
    config: {Cmd: ["sh", "-c", "trap \"exit 0\" TERM; while :; do sleep 0.1; done"], Healthcheck: $check}}' >archive/config.json
  echo '[{"Config": "config.json", "RepoTags": ["saved:latest"], "Layers": ["layer.tar"]}]' >archive/manifest.json
  tar -cf archive.tar -C archive config.json layer.tar manifest.json
}

# The same as an OCI layout.
oci_archive() { # JSON
  local config layer manifest
  docker_archive "$1"
  blob() { # FILE: moves it to where its digest says
    local digest
    digest=$(sha256sum <"$1" | cut -d' ' -f1)
    mkdir -p oci/blobs/sha256
    mv "$1" "oci/blobs/sha256/$digest"
    jq -nc --arg type "$2" --arg digest "sha256:$digest" --argjson size "$(stat -c %s "oci/blobs/sha256/$digest")" \
      '{mediaType: $type, digest: $digest, size: $size}'
  }
  config=$(blob archive/config.json application/vnd.oci.image.config.v1+json)
  layer=$(blob archive/layer.tar application/vnd.oci.image.layer.v1.tar)
  jq -n --argjson config "$config" --argjson layer "$layer" '{schemaVersion: 2, config: $config, layers: [$layer]}' >manifest.json
  manifest=$(blob manifest.json application/vnd.oci.image.manifest.v1+json)
  jq -n --argjson manifest "$manifest" '{schemaVersion: 2, manifests: [$manifest]}' >oci/index.json
  echo '{"imageLayoutVersion": "1.0.0"}' >oci/oci-layout
  tar -cf archive.tar -C oci .
}

@test "the Healthcheck of a docker archive and of an OCI layout, with times that are no whole seconds" {
  local kind
  for kind in docker oci; do
    "${kind}_archive" '{"Test": ["CMD-SHELL", "test -e /ok"], "Interval": 250000000, "Timeout": 1500000000, "StartPeriod": 1000, "Retries": 2}'
    rocker import archive.tar saved
    rocker run -d --name "$TEST_TAG" saved >/dev/null 3>&- 4>&-
    run -0 rocker inspect --format '{{json .Config.Healthcheck}}' "$TEST_TAG"
    assert_output '{"Test":["CMD","/bin/sh","-c","test -e /ok"],"Interval":250000000,"Timeout":1500000000,"StartPeriod":1000000,"Retries":2}'
    wait_until 10 is "$TEST_TAG" unhealthy
    run -0 rocker ps --format '{{.Status}}' --filter "name=$TEST_TAG"
    assert_output --partial '(unhealthy)'
    rocker exec "$TEST_TAG" touch /ok
    wait_until 10 is "$TEST_TAG" healthy
    run -0 rocker ps --format '{{.Status}}' --filter "name=$TEST_TAG"
    assert_output --partial '(healthy)'
    rocker rm -f "$TEST_TAG"
    rocker run -d --name "$TEST_TAG" --no-healthcheck saved >/dev/null 3>&- 4>&-
    run -0 rocker inspect --format '{{json .State.Health}} {{json .Config.Healthcheck}}' "$TEST_TAG"
    assert_output 'null null'
    rocker rm -f "$TEST_TAG"
    rocker run -d --name "$TEST_TAG" --health-cmd true --health-interval 1.25s --health-timeout 500ms saved >/dev/null 3>&- 4>&-
    run -0 rocker inspect --format '{{.Config.Healthcheck.Interval}} {{.Config.Healthcheck.Timeout}} {{.Config.Healthcheck.Retries}}' "$TEST_TAG"
    assert_output '1250000000 500000000 2'
    wait_until 10 is "$TEST_TAG" healthy
    rocker rm -f "$TEST_TAG"
  done
}
