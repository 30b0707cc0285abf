#!/usr/bin/env bats
# process.execCPUAffinity: config.md, "Linux Process"; and the affinity of whoever starts a container.

load helpers
load process

setup() {
  setup_test
  [[ $(nproc) -gt 1 ]] || skip 'needs two CPUs'
  all=$(taskset -pc $$ | sed 's/.*: //')
}

# As probe prints it.
expanded() { # LIST
  python3 -c 'import sys
out = []
for part in sys.argv[1].split(","):
    a, _, b = part.partition("-")
    out += range(int(a), int(b or a) + 1)
print(",".join(map(str, out)))' "$1"
}

@test "affinity: a container does not inherit that of its caller" {
  probe_bundle b '.process.args = ["probe", "affinity"]'
  local one=${all%%[-,]*}
  run taskset -c "$one" "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)"
  assert_success
  assert_output "$(expanded "$all")"
}

@test "affinity: exec does not either" {
  probe_bundle b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  run taskset -c "${all%%[-,]*}" "$ROCKER_RUNC" --root "$RUNC_ROOT" exec "$(new_id)" probe affinity
  assert_output "$(expanded "$all")"
}

@test "affinity: final is what the process runs with, initial until it is in its cgroup" {
  probe_bundle b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  local first=${all%%[-,]*} last=${all##*[-,]}
  jq --arg i "$first" --arg f "$last" \
    '.process | .args = ["probe", "affinity"] | .execCPUAffinity = {initial: $i, final: $f}' b/config.json >p.json
  run rocker_runc exec --process p.json "$(new_id)"
  assert_success
  assert_output "$last"
  # That of config.json counts when exec has no process.json.
  edit_config b '.process.execCPUAffinity = {final: $f}' --arg f "$last"
  run_detached "$(new_id two)" b
  run rocker_runc exec "$(new_id two)" probe affinity
  assert_output "$last"
}

@test "affinity: a broken list and CPUs that are not there are errors" {
  make_bundle b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  jq '.process | .args = ["true"] | .execCPUAffinity = {initial: "one"}' b/config.json >p.json
  run --separate-stderr rocker_runc exec --process p.json "$(new_id)"
  assert_failure
  assert_one_error_line execCPUAffinity/initial
  jq '.process | .args = ["true"] | .execCPUAffinity = {final: "8191"}' b/config.json >p.json
  run --separate-stderr rocker_runc exec --process p.json "$(new_id)"
  assert_failure
  assert_one_error_line 'CPU affinity'
}
