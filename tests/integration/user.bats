#!/usr/bin/env bats
# process.user: config.md, "User".

load helpers
load process

@test "user: uid, gid and additional groups" {
  make_bundle b '.process.args = ["sh", "-c", "id -u; id -g; id -G; grep Groups /proc/self/status"]
    | .process.user = {uid: 1234, gid: 2345, additionalGids: [5, 77]}'
  run run_bundle b
  assert_success
  assert_line --index 0 1234
  assert_line --index 1 2345
  assert_line --index 2 '2345 5 77'
  assert_same_as b runc crun
}

@test "user: the groups of the caller are not the container's" {
  make_bundle b '.process.args = ["grep", "Groups", "/proc/self/status"] | .process.user = {uid: 1, gid: 1}'
  run setpriv --groups 4,24 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)"
  assert_success
  assert_output --regexp $'^Groups:[\t ]*$'
}

@test "user: an ID that is not mapped says so" {
  needs userns
  make_bundle b '.process.user = {uid: 70000, gid: 0} | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  chown -R 100000:100000 b/rootfs
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'not mapped in the user namespace'
  [[ $stderr == *70000* ]]
  assert_no_leftovers
}

@test "user: exec takes --user and --additional-gids" {
  make_bundle b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  run rocker_runc exec --user 11:22 --additional-gids 33 "$(new_id)" sh -c 'id -u; id -G'
  assert_success
  assert_line --index 0 11
  assert_line --index 1 '22 33'
}

@test "user: the working directory is made when it is missing, and must be inside" {
  make_bundle b '.process.args = ["pwd"] | .process.cwd = "/new/work"'
  run run_bundle b
  assert_success
  assert_output /new/work
  # A folder of the host by way of a descriptor (CVE-2024-21626).
  edit_config b '.process.cwd = "/proc/self/fd/7/../../.." | .process.args = ["ls"]'
  run --separate-stderr run_bundle b
  assert_failure
  [[ $stderr == *cwd* ]]
}
