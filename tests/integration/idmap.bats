#!/usr/bin/env bats
# Idmapped mounts: config.md, "Linux mount options" (idmap, ridmap) and "POSIX-platform Mounts" (uidMappings).

load helpers
load process

setup() {
  setup_test
  needs kernel 5.12
  # A file system that can be idmapped: the folder's own, or a tmpfs since Linux 6.3.
  mkdir vol
  mount -t tmpfs vol vol
  mkdir vol/sub
  mount -t tmpfs sub vol/sub
  touch vol/zero vol/five vol/sub/five
  chown 5:6 vol/five vol/sub/five
  needs kernel 6.3
}

maps='[{containerID: 0, hostID: 1000, size: 10}]'
show='.process.args = ["sh", "-c", "stat -c \"%n %u:%g\" /v/zero /v/five /v/sub/five; touch /v/new"]'

@test "idmap: a mount has the mapping of its uidMappings and gidMappings" {
  make_bundle b "$show"' | .mounts += [{destination: "/v", source: $vol, options: ["rbind", "idmap"],
    uidMappings: '"$maps"', gidMappings: [{containerID: 0, hostID: 2000, size: 10}]}]' --arg vol "$TEST_DIR/vol"
  run run_bundle b
  # What is made by an ID that the mapping does not have fails.
  assert_line '/v/zero 1000:2000'
  assert_line '/v/five 1005:2006'
  # "idmap" is for the one mount.
  assert_line '/v/sub/five 5:6'
  assert_line --partial '/v/new: Value too large'
}

@test "idmap: ridmap is for all that is below as well" {
  make_bundle b "$show"' | .mounts += [{destination: "/v", source: $vol, options: ["rbind", "ridmap"],
    uidMappings: '"$maps"', gidMappings: '"$maps"'}]' --arg vol "$TEST_DIR/vol"
  run run_bundle b
  assert_line '/v/five 1005:1006'
  assert_line '/v/sub/five 1005:1006'
}

@test "idmap: mappings without the option are taken for it" {
  make_bundle b "$show"' | .mounts += [{destination: "/v", source: $vol, options: ["bind"],
    uidMappings: '"$maps"', gidMappings: '"$maps"'}]' --arg vol "$TEST_DIR/vol"
  run run_bundle b
  assert_line '/v/zero 1000:1000'
}

@test "idmap: without mappings it is the container's user namespace" {
  needs userns
  make_bundle b "$show"' | .linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
    .mounts += [{destination: "/v", source: $vol, options: ["rbind", "ridmap"]}]' --arg vol "$TEST_DIR/vol"
  chown -R 100000:100000 b/rootfs
  run run_bundle b
  assert_success
  assert_output $'/v/zero 0:0\n/v/five 5:6\n/v/sub/five 5:6'
  # What the container's root makes is root's on the disk.
  assert_equal "$(stat -c %u:%g vol/new)" 0:0
}

@test "idmap: with mappings of its own in a user namespace" {
  needs userns
  make_bundle b "$show"' | .linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
    .mounts += [{destination: "/v", source: $vol, options: ["bind", "idmap"],
      uidMappings: [{containerID: 5, hostID: 100007, size: 1}], gidMappings: [{containerID: 6, hostID: 100008, size: 1}]}]' \
    --arg vol "$TEST_DIR/vol"
  chown -R 100000:100000 b/rootfs
  run run_bundle b
  assert_line '/v/five 7:8'
}

@test "idmap: is refused where there is no mapping, and for what is no bind mount" {
  make_bundle b '.mounts += [{destination: "/v", source: $vol, options: ["bind", "idmap"]}]' --arg vol "$TEST_DIR/vol"
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /mounts/7: option "idmap": there are neither uidMappings'
  edit_config b '.mounts[7] = {destination: "/v", type: "tmpfs", options: ["idmap"], uidMappings: '"$maps"', gidMappings: '"$maps"'}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /mounts/7: option "idmap": is for bind mounts only'
  edit_config b '.mounts[7] = {destination: "/v", source: "/proc", options: ["bind", "idmap"], uidMappings: '"$maps"', gidMappings: '"$maps"'}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /mounts/7: idmap /proc'
  [[ $stderr == *'does not support idmapped mounts'* ]]
}
