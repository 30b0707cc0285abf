#!/usr/bin/env bats
# linux.netDevices: config-linux.md, "Network Devices".
# vm: v2

load helpers
load process

# Devices live in the network namespace of the runtime; it has one of its own here, so that no name of the machine's is
# in the way.
setup() {
  setup_test
  needs command ip
  unshare --net ip link add ve0 type veth peer name ve1 2>/dev/null || skip 'needs veth devices'
}

# Runs SCRIPT in a new network namespace with the veth pair ve0 and ve1; $R is the runtime.
in_netns() { # SCRIPT
  R="$ROCKER_RUNC --root $RUNC_ROOT" ID=$(new_id) unshare --net bash -ec "
    ip link set lo up
    ip link add ve0 type veth peer name ve1
    $1" </dev/null
}

@test "netDevices: a device is moved, with its addresses, and is up" {
  make_bundle b '.process.args = ["ip", "addr", "show", "eth0"] | .linux.netDevices = {ve0: {name: "eth0"}}'
  run in_netns 'ip addr add 10.1.2.3/24 dev ve0; ip addr add fd00::3/64 dev ve0 nodad; ip link set ve0 mtu 1400
    $R run --bundle b $ID'
  assert_success
  assert_output --partial '10.1.2.3/24'
  assert_output --partial 'fd00::3/64'
  assert_output --partial 'mtu 1400'
  assert_output --regexp 'eth0.*<.*UP'
}

@test "netDevices: without a name it keeps its own, a template takes a free one" {
  make_bundle b '.process.args = ["sh", "-c", "ls /sys/class/net"] | .linux.netDevices = {ve0: {}, ve1: {name: "net%d"}}'
  run in_netns '$R run --bundle b $ID'
  assert_success
  assert_line ve0
  assert_line net0
  refute_line ve1
}

@test "netDevices: a device that is missing, and one whose name is taken, are errors; nothing is moved" {
  make_bundle b '.linux.netDevices = {ve0: {name: "x0"}, zzz: {}}'
  run in_netns '$R run --bundle b $ID || echo "status $?"; ip -o link show ve0'
  assert_success
  assert_output --partial '/linux/netDevices/zzz: there is no such network device'
  assert_output --partial 'status 1'
  assert_output --partial 've0@ve1'
  edit_config b '.linux.netDevices = {ve0: {name: "lo"}}'
  run in_netns '$R run --bundle b $ID || echo "status $?"; ip -o link show ve0'
  assert_output --partial '"lo" exists in the container already'
  assert_output --partial 'status 1'
  assert_output --partial 've0@ve1'
}

@test "netDevices: a namespace that is joined gets them too" {
  make_bundle b '.process.args = ["sh", "-c", "readlink /proc/self/ns/net; ip -o link show inner"] | .linux.netDevices = {ve0: {name: "inner"}}
    | (.linux.namespaces[] | select(.type == "network")) += {path: $p}' --arg p "$TEST_DIR/netns"
  : >netns
  unshare "--net=$TEST_DIR/netns" true
  run in_netns '$R run --bundle b $ID'
  local joined
  joined=$(nsenter --net=netns readlink /proc/self/ns/net)
  umount netns
  assert_success
  assert_line "$joined"
  assert_line --partial inner@
}

@test "netDevices: without a network namespace there is nowhere to move them to" {
  make_bundle b '.linux.netDevices = {ve0: {}} | del(.linux.namespaces[] | select(.type == "network"))'
  run in_netns '$R run --bundle b $ID || echo "status $?"; ip -o link show ve0'
  assert_output --partial netDevices
  assert_output --partial 'status 1'
  assert_output --partial 've0@ve1'
}

@test "netDevices: the loopback device of a new namespace is up" {
  make_bundle b '.process.args = ["ip", "addr", "show", "lo"]'
  run run_bundle b
  assert_success
  assert_output --partial '127.0.0.1/8'
  assert_output --regexp 'lo: <.*UP'
}

@test "netDevices: a dummy device, as the spec has it in its example" {
  unshare --net ip link add d0 type dummy 2>/dev/null || skip 'needs a kernel with dummy network devices'
  make_bundle b '.process.args = ["ip", "addr", "show", "ctr_dummy0"] | .linux.netDevices = {dummy0: {name: "ctr_dummy0"}}'
  run in_netns 'ip link add dummy0 type dummy; ip addr add 169.254.1.2/32 dev dummy0; $R run --bundle b $ID'
  assert_success
  assert_output --partial '169.254.1.2/32'
  assert_output --regexp 'ctr_dummy0.*<.*UP'
}
