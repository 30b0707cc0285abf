#!/usr/bin/env bats
# hostname and domainname: config.md, "Hostname" and "Domainname".

load helpers
load process

names='cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname'

@test "hostname: both names, and the host keeps its own" {
  local before
  before=$($names)
  make_bundle b '.process.args = ["sh", "-c", $names] | .hostname = "box" | .domainname = "example.org"' --arg names "$names"
  run run_bundle b
  assert_success
  assert_output $'box\nexample.org'
  assert_equal "$($names)" "$before"
}

@test "hostname: 64 bytes are the most" {
  make_bundle b '.process.args = ["hostname"] | .hostname = "h" * 64'
  run run_bundle b
  assert_success
  assert_output "$(printf 'h%.0s' {1..64})"
  edit_config b '.hostname = "h" * 65'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /hostname: is longer than 64 bytes'
}

@test "hostname: is refused where it would be the host's" {
  local before
  before=$($names)
  make_bundle b '.hostname = "box" | .linux.namespaces |= map(select(.type != "uts"))'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /hostname: '
  [[ $stderr == *'add {"type": "uts"}'* ]]
  edit_config b '.linux.namespaces += [{type: "uts", path: "/proc/self/ns/uts"}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /hostname: '
  assert_equal "$($names)" "$before"
  edit_config b 'del(.hostname) | .process.args = ["hostname"]'
  run run_bundle b
  assert_output "$(hostname)"
}
