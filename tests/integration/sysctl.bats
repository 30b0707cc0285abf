#!/usr/bin/env bats
# linux.sysctl: config-linux.md, "Sysctl".

load helpers
load process

@test "sysctl: those of the container's namespaces are set, and the host's stay" {
  local before
  before=$(cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl)
  make_bundle b '.process.args = ["cat", "/proc/sys/net/ipv4/ip_default_ttl", "/proc/sys/net/ipv4/conf/lo/forwarding",
      "/proc/sys/kernel/msgmax", "/proc/sys/fs/mqueue/msg_max", "/proc/sys/kernel/domainname"] |
    .linux.sysctl = {"net.ipv4.ip_default_ttl": "33", "net/ipv4/conf/lo/forwarding": "1", "kernel.msgmax": "4096",
      "fs.mqueue.msg_max": "7", "kernel.domainname": "d"}'
  run run_bundle b
  assert_success
  assert_output $'33\n1\n4096\n7\nd'
  assert_equal "$(cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl)" "$before"
}

@test "sysctl: is refused without the namespace that makes it safe" {
  local pair key type
  for pair in net.ipv4.ip_default_ttl:network kernel.msgmax:ipc fs.mqueue.msg_max:ipc kernel.domainname:uts; do
    key=${pair%:*} type=${pair#*:}
    rm -rf b
    make_bundle b 'del(.hostname) | .linux.sysctl = {($key): "5"} | .linux.namespaces |= map(select(.type != $type)) |
      .mounts |= map(select(.type != "mqueue" and .type != "sysfs"))' --arg key "$key" --arg type "$type"
    run --separate-stderr run_bundle b
    assert_failure 1
    assert_one_error_line "config.json: /linux/sysctl: \"$key\" would change the host: the container has no $type namespace"
    # The host's by a path is the host's as well.
    edit_config b '.linux.namespaces += [{type: $type, path: $path}]' --arg type "$type" \
      --arg path "/proc/self/ns/${type/network/net}"
    run --separate-stderr run_bundle b
    assert_failure 1
    assert_one_error_line "would change the host"
  done
}

@test "sysctl: what belongs to no namespace is refused" {
  local key before
  before=$(cat /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness)
  make_bundle b
  cp b/config.json base.json
  for key in kernel.core_pattern vm.swappiness net.../../../kernel.core_pattern; do
    jq --arg key "$key" '.linux.sysctl = {($key): "5"}' base.json >b/config.json
    run --separate-stderr run_bundle b
    assert_failure 1
    assert_one_error_line 'config.json: /linux/sysctl: '
  done
  assert_equal "$(cat /proc/sys/kernel/core_pattern /proc/sys/vm/swappiness)" "$before"
}

@test "sysctl: an unknown one, and a value that the kernel does not take" {
  make_bundle b '.linux.sysctl = {"net.ipv4.no_such": "1"}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /linux/sysctl: open /proc/sys/net/ipv4/no_such: no such file or directory'
  edit_config b '.linux.sysctl = {"net.ipv4.ip_default_ttl": "many"}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /linux/sysctl: write "many" to /proc/sys/net/ipv4/ip_default_ttl: invalid argument'
}
