#!/usr/bin/env bats
# Called as `runc`, by a link: `ln -s rocker-runc /usr/local/bin/runc`.

load helpers
load lifecycle

setup() {
  setup_test
  mkdir bin
  ln -s "$ROCKER_RUNC" bin/runc
  make_bundle b '.process.args = ["hostname"] | .hostname = "here"'
}

runc() { "$TEST_DIR/bin/runc" --root "$RUNC_ROOT" "$@"; }

@test "runc: says so itself" {
  run runc --version
  assert_success
  assert_line --index 0 --regexp '^runc version '
  assert_line --partial 'spec: '
  run --separate-stderr runc state "$(new_id)"
  assert_failure 1
  [[ $stderr == "runc: "* ]]
  run runc --help
  assert_success
  refute_output --partial rocker-runc
}

@test "runc: the lone word of run is always the ID" {
  mkdir work
  cp -a b work/inner
  cp b/config.json work/
  cp -a b/rootfs work/rootfs
  cd work
  # rocker-runc takes ./inner for a bundle; runc has a container "inner" of the bundle here.
  jq '.hostname = "outer"' config.json >c && mv c config.json
  ln -s inner "$(new_id)"
  run runc run "$(new_id)" </dev/null
  assert_success
  assert_output outer
  run rocker_runc run "$(new_id)" </dev/null
  assert_success
  assert_output here
}

@test "runc: the life of a container" {
  sleeping_bundle s
  runc create --bundle s --pid-file pid "$(new_id)" </dev/null >log 2>&1 3>&- 4>&-
  runc start "$(new_id)"
  run runc exec "$(new_id)" echo hello
  assert_output hello
  assert_equal "$(runc state "$(new_id)" | jq -r .status)" running
  runc kill "$(new_id)" KILL
  wait_until 5 is_status "$(new_id)" stopped
  runc delete "$(new_id)"
  assert_nothing_made
}
