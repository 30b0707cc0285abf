#!/usr/bin/env bats
# User namespaces: config-linux.md, "User namespace mappings"; and containers of a user who is not root.

load helpers
load process

setup() {
  setup_test
  needs userns
}

mapped='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000},
  {containerID: 5000, hostID: 7, size: 1}] | .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 1000}]'

# COMMAND as user 4321, who is in no group but 4321, with $TEST_DIR/user for his own.
as_user() {
  env -i PATH="$PATH" HOME="$TEST_DIR/user" setpriv --reuid 4321 --regid 4321 --clear-groups -- "$@"
}

# What a user has: a bundle with a root file system of his own, made by `spec --rootless`.
user_bundle() {
  mkdir user
  cp -a "$(busybox_rootfs)" user/rootfs
  chown -R 4321:4321 user
  (cd user && as_user "$ROCKER_RUNC" spec --rootless)
  edit_config user ".process.terminal = false | ${1:-.}"
  chown 4321:4321 user/config.json
}

@test "user namespace: IDs inside and outside" {
  make_bundle b "$mapped"' | .process.args = ["sh", "-c", "id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map; touch /made; stat -c %u:%g /made"]'
  chown -R 100000:200000 b/rootfs
  run run_bundle b
  assert_success
  assert_line --index 0 0
  assert_line --index 1 0
  assert_line --regexp '^ +0 +100000 +1000$'
  assert_line --regexp '^ +5000 +7 +1$'
  assert_line --regexp '^ +0 +200000 +1000$'
  assert_line 0:0
  assert_equal "$(stat -c %u:%g b/rootfs/made)" 100000:200000
}

@test "user namespace: another user inside, and one that is not mapped" {
  make_bundle b "$mapped"' | .process.args = ["sh", "-c", "id -u; id -g; id -G"] | .process.user = {uid: 5000, gid: 3, additionalGids: [4, 5]}'
  run run_bundle b
  assert_success
  assert_output $'5000\n3\n3 4 5'
  edit_config b '.process.user = {uid: 6000, gid: 0}'
  run --separate-stderr run_bundle b
  assert_failure
  assert_one_error_line 'config.json: /process/user/uid: setresuid to 6000: invalid argument - it is not mapped'
}

@test "user namespace: the host is out of reach with every capability" {
  make_bundle b "$mapped"' | .process.args = ["sh", "-c", "mknod /x b 7 0; mount -o remount,rw /sys; echo 1 >/proc/sys/kernel/panic; hostname new && hostname"] |
    .process.capabilities |= map_values(["CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_DAC_OVERRIDE", "CAP_NET_ADMIN"])'
  chown -R 100000:200000 b/rootfs
  run run_bundle b
  assert_line --partial 'mknod: /x: Operation not permitted'
  assert_line new
}

@test "user namespace: proc of the host's pid namespace can only be bound" {
  make_bundle b "$mapped"' | .process.args = ["true"] | .linux.namespaces |= map(select(.type != "pid"))'
  chown -R 100000:200000 b/rootfs
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /mounts/0: mount proc on /proc: '
  [[ $stderr == *'bind /proc instead'* ]]
}

@test "user namespace: mappings are asked for, and asked for only with one" {
  make_bundle b '.linux.namespaces += [{type: "user"}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /linux: a new user namespace needs uidMappings and gidMappings'
  edit_config b '.linux.namespaces |= map(select(.type != "user")) | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /linux/uidMappings: there is no user namespace'
}

@test "user namespace: mappings that the kernel refuses" {
  make_bundle b "$mapped"' | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 10}, {containerID: 5, hostID: 100, size: 10}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'uid_map: invalid argument'
  assert_no_leftovers
}

@test "user namespace: one that is joined gives its IDs" {
  make_bundle a "$mapped"' | .process.args = ["sleep", "100"]'
  chown -R 100000:200000 a/rootfs
  run_detached "$(new_id a)" a
  make_bundle b '.linux.namespaces += [{type: "user", path: $path}] | .process.args = ["sh", "-c", "readlink /proc/self/ns/user; id -u; touch /made"]' \
    --arg path "/proc/$(container_pid "$(new_id a)")/ns/user"
  chown -R 100000:200000 b/rootfs
  run run_bundle b
  assert_success
  assert_line --index 0 "$(readlink "/proc/$(container_pid "$(new_id a)")/ns/user")"
  assert_line --index 1 0
  assert_equal "$(stat -c %u:%g b/rootfs/made)" 100000:200000
}

@test "user namespace: exec" {
  make_bundle b "$mapped"' | .process.args = ["sleep", "100"]'
  chown -R 100000:200000 b/rootfs
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" sh -c 'id -u; readlink /proc/self/ns/user; touch /made; stat -c %u /made'
  assert_success
  assert_line --index 0 0
  assert_line --index 1 "$(readlink "/proc/$(container_pid "$(new_id)")/ns/user")"
  assert_line --index 2 0
}

@test "rootless: what spec --rootless writes runs as an ordinary user" {
  user_bundle '.process.args = ["sh", "-c", "id -u; id -g; echo x >/dev/null; hostname; ls /proc/1/exe; cat /proc/self/uid_map"]'
  cd user
  run as_user "$ROCKER_RUNC" --root "$TEST_DIR/user/run" run --bundle "$TEST_DIR/user" "$(new_id)" </dev/null
  assert_success
  assert_line --index 0 0
  assert_line --index 1 0
  assert_line --index 2 rocker
  assert_line --regexp '^ +0 +4321 +1$'
}

@test "rootless: create, start, exec, kill, delete" {
  needs command strace
  user_bundle '.process.args = ["sleep", "100"]'
  cd user
  local runc=(as_user "$ROCKER_RUNC" --root "$TEST_DIR/user/run") pid
  "${runc[@]}" create --bundle "$TEST_DIR/user" "$(new_id)" </dev/null >"$TEST_DIR/create.log" 2>&1 3>&- 4>&-
  run "${runc[@]}" state "$(new_id)"
  assert_json .status '"created"'
  "${runc[@]}" start "$(new_id)"
  pid=$("${runc[@]}" state "$(new_id)" | jq .pid)
  assert_equal "$(stat -c %u "/proc/$pid")" 4321
  run "${runc[@]}" exec "$(new_id)" sh -c 'id -u; hostname; readlink /proc/self/ns/pid' </dev/null
  assert_success
  assert_output "0
rocker
$(readlink "/proc/$pid/ns/pid")"
  # The stage between the runtime and the process is held up right after it has cloned: the process is to wait for its turn.
  run strace -f -o "$TEST_DIR/trace" -e trace=clone3,clone -e inject=clone3,clone:delay_exit=300000 \
    env -i PATH="$PATH" setpriv --reuid 4321 --regid 4321 --clear-groups -- \
    "$ROCKER_RUNC" --root "$TEST_DIR/user/run" exec "$(new_id)" echo in turn </dev/null
  assert_success
  assert_line 'in turn'
  run "${runc[@]}" list -q
  assert_output "$(new_id)"
  "${runc[@]}" kill "$(new_id)" KILL
  wait_until 5 sh -c "! kill -0 $pid 2>/dev/null"
  "${runc[@]}" delete "$(new_id)"
  run "${runc[@]}" list -q
  assert_output ''
}

@test "rootless: a range of IDs by newuidmap and newgidmap" {
  needs command newuidmap
  [[ -e /etc/subuid && -e /etc/subgid ]] || skip 'needs /etc/subuid and /etc/subgid to mount over'
  # The helpers read /etc/subuid and /etc/subgid: in a mount namespace of the test's own they are the test's.
  user_bundle '.root.readonly = false | .process.args = ["sh", "-c", "cat /proc/self/uid_map; touch /made; chown 5:6 /made; stat -c %u:%g /made"] |
    .process.capabilities |= map_values(["CAP_CHOWN"]) |
    .linux.uidMappings = [{containerID: 0, hostID: 4321, size: 1}, {containerID: 1, hostID: 300000, size: 100}] |
    .linux.gidMappings = [{containerID: 0, hostID: 4321, size: 1}, {containerID: 1, hostID: 400000, size: 100}]'
  echo '4321:300000:100' >subuid
  echo '4321:400000:100' >subgid
  cp /etc/passwd passwd
  echo "u4321:x:4321:4321::$TEST_DIR/user:/bin/sh" >>passwd
  # shellcheck disable=SC2016
  run unshare --mount --propagation private bash -c 'mount --bind subuid /etc/subuid; mount --bind subgid /etc/subgid; mount --bind passwd /etc/passwd
    cd user; exec setpriv --reuid 4321 --regid 4321 --clear-groups -- "$@"' - \
    "$ROCKER_RUNC" --root "$TEST_DIR/user/run" run --bundle "$TEST_DIR/user" "$(new_id)" </dev/null
  assert_success
  assert_line --regexp '^ +1 +300000 +100$'
  assert_line 5:6
  assert_equal "$(stat -c %u:%g user/rootfs/made)" 300004:400005
  # A range that was not granted.
  edit_config user '.linux.uidMappings[1].hostID = 500000'
  chown 4321:4321 user/config.json
  # shellcheck disable=SC2016
  run --separate-stderr unshare --mount --propagation private bash -c 'mount --bind subuid /etc/subuid; mount --bind subgid /etc/subgid; mount --bind passwd /etc/passwd
    cd user; exec setpriv --reuid 4321 --regid 4321 --clear-groups -- "$@"' - \
    "$ROCKER_RUNC" --root "$TEST_DIR/user/run" run --bundle "$TEST_DIR/user" "$(new_id)" </dev/null
  assert_failure 1
  [[ $stderr == *'newuidmap refused the mapping'*'/etc/subuid'* ]]
}

@test "rootless: IDs that the user has not are refused in one line" {
  user_bundle '.linux.uidMappings[0].hostID = 0'
  cd user
  run --separate-stderr as_user env PATH=/nowhere "$ROCKER_RUNC" --root "$TEST_DIR/user/run" run --bundle "$TEST_DIR/user" "$(new_id)" </dev/null
  assert_failure 1
  assert_one_error_line newuidmap
}

@test "rootless: the root of somebody's user namespace is no root, as podman has it" {
  # No user namespace in config.json: the engine has made it. A device of the host's is bound, a cgroup may be refused.
  user_bundle '.process.args = ["sh", "-c", "id -u; stat -c %t:%T /dev/null; echo x >/dev/null"]
    | .linux.cgroupsPath = "/rkt-not-mine" | .linux.namespaces |= map(select(.type != "user"))
    | .linux |= del(.uidMappings, .gidMappings)'
  cd user
  run as_user unshare --user --map-root-user --mount --pid --fork --mount-proc \
    "$ROCKER_RUNC" --root "$TEST_DIR/user/run" run --bundle "$TEST_DIR/user" "$(new_id)" </dev/null
  assert_success
  assert_output $'0\n1:3'
}
