#!/usr/bin/env bats
# state: runtime.md, "State".

load helpers
load lifecycle

@test "state: valid against the schema of the spec in every state" {
  needs schemas
  sleeping_bundle b '.annotations = {"org.example.a": "1", "org.example.b": "x y"}'
  create_container "$(new_id)" b
  local want
  for want in created running stopped; do
    case $want in
      running) rocker_runc start "$(new_id)" ;;
      stopped)
        rocker_runc kill "$(new_id)" KILL
        wait_until 5 is_status "$(new_id)" stopped
        ;;
    esac
    rocker_runc state "$(new_id)" >state.json
    assert_valid "$SCHEMAS/state-schema.json" state.json
    assert_json .status "\"$want\"" state.json
    assert_json .id "\"$(new_id)\"" state.json
    assert_json .bundle "\"$TEST_DIR/b\"" state.json
    assert_json .annotations '{"org.example.a":"1","org.example.b":"x y"}' state.json
  done
}

@test "state: what runc adds" {
  sleeping_bundle b
  local before
  before=$(date -u +%FT%T)
  run_detached "$(new_id)" b
  run rocker_runc state "$(new_id)"
  assert_json .rootfs "\"$TEST_DIR/b/rootfs\""
  assert_json .owner '"root"'
  assert_json '.created | test("^[0-9-]{10}T[0-9:]{8}\\.[0-9]+Z$")' true
  [[ $(jq -r .created <<<"$output") > $before ]]
  assert_json .ociVersion "$(rocker_runc features | jq -c .ociVersionMax)"
}

@test "state: a stopped container has no pid" {
  make_bundle b '.process.args = ["true"]'
  rocker_runc run --keep b "$(new_id)" </dev/null
  run rocker_runc state "$(new_id)"
  assert_json '.pid, .status' $'0\n"stopped"'
}

@test "state: of no container" {
  run --separate-stderr rocker_runc state "$(new_id)"
  assert_failure 1
  assert_one_error_line "container \"$(new_id)\" does not exist"
  run --separate-stderr rocker_runc state
  assert_failure 1
  assert_one_error_line 'ID is required'
}

@test "state: an annotation with anything in it comes out as it went in" {
  sleeping_bundle b '.annotations = {"a": $text}' --arg text $'quote " backslash \\ newline \n umlaut ü tab \t'
  create_container "$(new_id)" b
  assert_equal "$(rocker_runc state "$(new_id)" | jq -c .annotations)" "$(jq -c .annotations b/config.json)"
}
