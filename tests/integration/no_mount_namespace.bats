#!/usr/bin/env bats
# config.json without a new mount namespace: the container gets its root by chroot, and nobody's mounts are changed.
# Every container runs in a mount namespace of the test's own, so that a broken runtime can't break the machine.

load helpers

chroot_bundle() { # DIR [FILTER [ARGUMENT...]]
  make_bundle "$1" 'del(.mounts, .linux.maskedPaths, .linux.readonlyPaths)
    | .linux.namespaces |= map(select(.type != "mount"))'
  [[ $# = 1 ]] || edit_config "$@"
}

# Runs COMMAND and says "mounts changed" when the mounts were.
guarded() { # COMMAND...
  # shellcheck disable=SC2016
  unshare --mount --propagation private bash -c '
    before=$(cat /proc/self/mountinfo)
    "$@" </dev/null
    status=$?
    [[ $before = "$(cat /proc/self/mountinfo)" ]] || echo "mounts changed"
    exit $status' - "$@"
}

@test "no mount namespace: the root is changed, the mounts are not" {
  chroot_bundle b '.process.args = ["sh", "-c", "pwd; ls /marker; test -c /dev/null && readlink /dev/fd; hostname"]'
  touch b/rootfs/marker
  run guarded "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)"
  assert_success
  assert_output $'/\n/marker\n/proc/self/fd\nrocker'
}

@test "no mount namespace: what would be mounted is refused, and nothing is" {
  local edit
  for edit in '/mounts/0 .mounts = [{destination: "/mnt", type: "tmpfs"}]' \
    '/root/readonly .root.readonly = true' \
    '/linux/maskedPaths .linux.maskedPaths = ["/etc"]' \
    '/linux/readonlyPaths .linux.readonlyPaths = ["/etc"]' \
    '/linux/rootfsPropagation .linux.rootfsPropagation = "shared"' \
    '/linux/devices .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 10}] | .linux.gidMappings = .linux.uidMappings'; do
    rm -rf b
    chroot_bundle b "${edit#* }"
    run --separate-stderr guarded "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)"
    assert_failure 1
    assert_one_error_line "config.json: ${edit%% *}: "
    [[ $stderr == *'add {"type": "mount"}'* ]]
  done
  assert_no_leftovers
}

@test "no mount namespace: a mount namespace that is joined is not changed either" {
  local pid
  chroot_bundle b '.process.args = ["ls", "/mnt"]'
  unshare --mount --propagation private sh -c "mount -t tmpfs seen '$TEST_DIR/b/rootfs/mnt' && touch '$TEST_DIR/b/rootfs/mnt/inside'; exec sleep 100" \
    </dev/null >/dev/null 2>&1 3>&- 4>&- &
  pid=$!
  wait_until 5 grep -q "$TEST_DIR" "/proc/$pid/mountinfo"
  edit_config b '.linux.namespaces += [{type: "mount", path: $path}]' --arg path "/proc/$pid/ns/mnt"
  local before
  before=$(cat "/proc/$pid/mountinfo")
  run guarded "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)"
  assert_output inside
  assert_equal "$(cat "/proc/$pid/mountinfo")" "$before"
  edit_config b '.mounts = [{destination: "/tmp", type: "tmpfs"}]'
  run guarded "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)"
  assert_failure
  assert_output --partial 'config.json: /mounts/0: '
  kill "$pid"
}

@test "no mount namespace: exec is in the container's root" {
  chroot_bundle b '.process.args = ["sleep", "100"]'
  touch b/rootfs/marker
  # shellcheck disable=SC2016
  run guarded bash -c '"$1" --root "$2" run --detach --bundle b "$3" >/dev/null 2>&1 3>&- 4>&- || exit
    "$1" --root "$2" exec "$3" sh -c "pwd; ls /marker"; "$1" --root "$2" delete --force "$3"' - \
    "$ROCKER_RUNC" "$RUNC_ROOT" "$(new_id)"
  assert_success
  assert_output $'/\n/marker'
}
