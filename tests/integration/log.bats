#!/usr/bin/env bats
# Every error reaches standard error and --log: engines show nothing but the log.

load helpers
load lifecycle

# Runs rocker-runc with arguments that fail, and a log in both formats: the same message is on stderr and in the log.
assert_logged() { # PART ARGUMENT...
  local part=$1 message
  shift
  rm -f log
  run ! --separate-stderr rocker_runc --log log --log-format json "$@"
  assert_one_error_line "$part"
  message=${stderr#*: }
  [[ -s log ]] || fail "nothing in the log: $*"
  # One object a line, with these three members.
  assert_equal "$(jq -s length log)" "$(wc -l <log)"
  assert_equal "$(jq -r .msg log)" "$message"
  assert_json .level '"error"' log
  assert_json '.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{9}Z$")' true log
  assert_json 'keys' '["level","msg","time"]' log
  rm log
  run ! --separate-stderr rocker_runc --log log "$@"
  assert_regex "$(cat log)" '^time="[^"]+" level=error msg=".*"$'
  assert_equal "$(wc -l <log)" 1
  # The quotes of the text format are those of Go's logrus.
  assert_equal "$(sed 's/^[^ ]* level=error msg=//' log | jq -r .)" "${stderr#*: }"
}

@test "log: errors of commands" {
  assert_logged 'does not exist' state "$(new_id)"
  assert_logged 'does not exist' start "$(new_id)"
  assert_logged 'does not exist' delete "$(new_id)"
  assert_logged 'does not exist' kill "$(new_id)" KILL
  assert_logged nowhere create --bundle nowhere "$(new_id)"
}

@test "log: a command line that does not parse" {
  assert_logged --nope state --nope "$(new_id)"
  assert_logged frobnicate frobnicate
  assert_logged --nope --nope state "$(new_id)"
  assert_logged 'ID is required' state
  assert_logged 'a command is missing'
  assert_logged --log-level --log-level nope state x
  assert_logged --rootless --rootless nope state x
  assert_logged --cgroup-manager --cgroup-manager nope state x
  # The options of the log come last, or with an equals sign, and all the same.
  rm -f log
  run rocker_runc --nope --log=log --log-format=json state
  assert_failure 1
  assert_json .level '"error"' log
}

@test "log: errors of config.json" {
  make_bundle b '.process.cwd = 7'
  assert_logged /process/cwd run --bundle b "$(new_id)"
}

@test "log: errors from inside the clone" {
  make_bundle b '.process.args = ["/no/such"]'
  assert_logged /no/such run --bundle b "$(new_id)"
  edit_config b '.mounts += [{destination: "/m", type: "nofs", source: "none"}]'
  assert_logged nofs run --bundle b "$(new_id)"
  edit_config b '.mounts = [] | .process.user.uid = 4294967290 | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 5, hard: 4}]'
  assert_logged RLIMIT_NOFILE run --bundle b "$(new_id)"
  assert_nothing_made
}

@test "log: errors of start and exec, from inside the container" {
  make_bundle b '.process.args = ["/program"]'
  cp b/rootfs/bin/busybox b/rootfs/program
  create_container "$(new_id)" b
  rm b/rootfs/program
  sleeping_bundle c
  run_detached "$(new_id c)" c
  assert_logged nowhere exec "$(new_id c)" nowhere
  rm log
  run ! --separate-stderr rocker_runc --log log --log-format json start "$(new_id)"
  assert_json .level '"error"' log
  assert_equal "$(jq -r .msg log)" "${stderr#*: }"
}

@test "log: a warning is told and logged, and changes nothing" {
  make_bundle b '.process.args = ["true"] | .process.capabilities.bounding += ["CAP_ROCKER"]'
  run --separate-stderr rocker_runc --log log --log-format json run --bundle b "$(new_id)" </dev/null
  assert_success
  assert_json .level '"warning"' log
  [[ $stderr == *CAP_ROCKER* ]]
}

@test "log: is appended to, by many at once, line by line" {
  local i
  for i in {1..20}; do rocker_runc --log log --log-format json state "$(new_id "$i")" 2>/dev/null & done
  wait
  assert_equal "$(jq -s 'map(.msg) | unique | length' log)" 20
  assert_equal "$(wc -l <log)" 20
}

@test "log: what somebody else wrote stays one line, and JSON" {
  make_bundle b '.process.args = [$text]' --arg text $'/a"b\nlevel=info \e[31m\\'
  run ! --separate-stderr rocker_runc --log log --log-format json run --bundle b "$(new_id)"
  assert_one_error_line
  [[ $stderr != *$'\e'* ]]
  assert_equal "$(wc -l <log)" 1
  assert_json .level '"error"' log
}

@test "log: --debug and --log-level say more" {
  make_bundle b '.process.args = ["true"]'
  rocker_runc --log quiet run --bundle b "$(new_id)" </dev/null
  assert_equal "$(cat quiet)" ''
  run rocker_runc --log loud --log-format json --log-level trace run --bundle b "$(new_id)" </dev/null
  assert_success
  [[ $(jq -s length loud) -gt 5 ]]
  grep -q '/proc' loud
}

@test "log: one that can't be written" {
  run --separate-stderr rocker_runc --log missing/log state x
  assert_failure 1
  assert_one_error_line missing/log
  run --separate-stderr rocker_runc --log log --log-format yaml state x
  assert_failure 1
  assert_one_error_line yaml
  # A full disk must not stop the container.
  make_bundle b '.process.args = ["true"] | .process.capabilities.bounding += ["CAP_ROCKER"]'
  run rocker_runc --log /dev/full run --bundle b "$(new_id)" </dev/null
  assert_success
}

@test "log: a format that is none is an error, with and without a log" {
  run --separate-stderr rocker_runc --log-format yaml list
  assert_failure 1
  assert_one_error_line '--log-format: expected text or json, found "yaml"'
}
