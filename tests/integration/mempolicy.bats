#!/usr/bin/env bats
# linux.memoryPolicy: config-linux.md, "Memory policy".

load helpers
load process

setup() {
  setup_test
  [[ -e /sys/devices/system/node ]] || skip 'needs a kernel with NUMA'
}

with_policy() { # JSON
  edit_config b '.linux.memoryPolicy = ($p | fromjson)' --arg p "$1"
  run --separate-stderr run_bundle b
}

@test "mempolicy: mode, flags and nodes" {
  probe_bundle b '.process.args = ["probe", "mempolicy"]'
  with_policy '{"mode": "MPOL_BIND", "nodes": "0"}'
  assert_success
  assert_output 'mode=2 nodes=0'
  with_policy '{"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}'
  assert_output "mode=$((32768 + 3)) nodes=0"
  with_policy '{"mode": "MPOL_PREFERRED"}'
  assert_success
  with_policy '{"mode": "MPOL_DEFAULT"}'
  assert_output 'mode=0 nodes='
}

@test "mempolicy: nodes above 1024 are no parse error" {
  probe_bundle b '.process.args = ["probe", "mempolicy"]'
  # The kernel's own limit decides: bits of nodes that it can't have are EINVAL.
  with_policy '{"mode": "MPOL_BIND", "nodes": "0,2000"}'
  assert_failure 1
  assert_one_error_line '/linux/memoryPolicy: set_mempolicy: invalid argument'
  assert_no_leftovers
}

@test "mempolicy: what makes no sense is refused" {
  make_bundle b
  with_policy '{"mode": "MPOL_NOPE"}'
  assert_failure 1
  assert_one_error_line MPOL_NOPE
  with_policy '{"mode": "MPOL_BIND"}'
  assert_failure 1
  assert_one_error_line 'needs at least one node'
  with_policy '{"mode": "MPOL_LOCAL", "nodes": "0"}'
  assert_failure 1
  assert_one_error_line 'takes no nodes'
  with_policy '{"mode": "MPOL_BIND", "nodes": "one"}'
  assert_failure 1
  assert_one_error_line '"one"'
}
