#!/usr/bin/env bats
# rocker-image mount and unmount: the root file system of a bundle comes back after a restart, unchanged.
load helpers

setup() {
  setup_test
  needs overlay
  import_busybox x
}

mounted() { mountpoint -q "$1/rootfs"; }

# A bundle whose container has run and has written, deleted and replaced.
used_bundle() { # DIR
  rocker_image bundle x "$1" --rootfs overlay -- \
    /bin/sh -c 'echo mine >/written; rm /bin/vi; rm -r /home && mkdir /home && echo new >/home/f; chmod 700 /tmp'
  timeout -s KILL 60 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle "$1" "$(new_id)" </dev/null
}

content() { (cd "$1" && find . -printf '%p %y %m %U:%G %s %T@ %l\n' | sort); }

@test 'unmount and mount: what was written, deleted and replaced is as it was' {
  used_bundle b
  content b/rootfs >before
  grep -q '^./written ' before
  run rocker_image unmount b
  assert_success
  assert_output ''
  refute mounted b
  assert_equal "$(ls -A b/rootfs)" ''
  run rocker_image mount b
  assert_success
  assert_output "$TEST_DIR/b/rootfs"
  diff before <(content b/rootfs)
  assert [ ! -e b/rootfs/bin/vi ]
  # Both may be said twice.
  run rocker_image mount b
  assert_success
  assert_equal "$(grep -c " $TEST_DIR/b/rootfs " /proc/self/mountinfo)" 1
  rocker_image unmount b
  run rocker_image unmount b
  assert_success
}

@test 'after a reboot a container of it goes on, also when its image has been replaced or removed' {
  used_bundle b
  used_bundle c
  # What a reboot leaves of a mount is nothing.
  umount b/rootfs c/rootfs
  mkdir other
  echo other >other/marker
  tar -cf other.tar -C other .
  rocker_image import other.tar x
  rocker_image mount b
  assert [ ! -e b/rootfs/marker ]
  assert_equal "$(cat b/rootfs/written)" mine
  rocker_image rm x
  rocker_image prune
  run rocker_image mount b c
  assert_success
  assert_equal "${#lines[@]}" 2
  jq '.process.args = ["/bin/cat", "/written", "/home/f"]' b/config.json >config && mv config b/config.json
  run timeout -s KILL 60 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)" </dev/null
  assert_success
  assert_output $'mine\nnew'
  rocker_image unbundle b c
}

@test 'a container that was stopped, from the folder of its own' {
  timeout -s KILL 60 "$ROCKER" run --name "$TEST_TAG" --image x /bin/sh -c 'echo kept >/kept' </dev/null
  id=$(basename "$ROCKER_ROOT"/containers/*/)
  assert_not_exist "$ROCKER_ROOT/containers/$id/rootfs/kept"
  rocker_image mount "$ROCKER_ROOT/containers/$id"
  assert_equal "$(cat "$ROCKER_ROOT/containers/$id/rootfs/kept")" kept
  rocker_image unmount "$ROCKER_ROOT/containers/$id"
  timeout -s KILL 60 "$ROCKER" rm "$TEST_TAG"
}

@test 'a root file system that is in use stays, unless it is forced' {
  rocker_image bundle x b --rootfs overlay -- /bin/true
  (cd b/rootfs && exec sleep 100) 3>&- &
  sleeper=$!
  is_inside() { [[ $(readlink "/proc/$sleeper/cwd") = "$TEST_DIR/b/rootfs" ]]; }
  wait_until 10 is_inside
  run --separate-stderr rocker_image unmount b
  assert_failure 1
  assert_one_error_line 'b/rootfs'
  assert mounted b
  run rocker_image unmount --force b
  assert_success
  refute mounted b
  kill "$sleeper"
}

@test 'a copy needs no mount, and has none' {
  rocker_image bundle x b --rootfs copy -- /bin/true
  echo mine >b/rootfs/written
  run rocker_image mount b
  assert_success
  refute mounted b
  rocker_image unmount b
  assert_equal "$(cat b/rootfs/written)" mine
}

@test 'what is no bundle is told from one, and does not keep the others' {
  rocker_image bundle x b --rootfs overlay -- /bin/true
  rocker_image unmount b
  mkdir -p plain/rootfs
  mount -t tmpfs tmpfs plain/rootfs
  run --separate-stderr rocker_image mount plain b
  assert_failure 1
  assert_equal "$output" "$TEST_DIR/b/rootfs"
  # shellcheck disable=SC2154  # set by run
  assert_equal "${#stderr_lines[@]}" 1
  # shellcheck disable=SC2154
  [[ $stderr == *'plain: is no bundle'* ]]
  run --separate-stderr rocker_image unmount plain
  assert_failure 1
  assert_one_error_line 'is no bundle'
  assert mounted plain
}

@test 'an image that was deleted by hand is missed by its name, and what was written stays' {
  used_bundle b
  rocker_image unmount b
  rm -rf "$ROCKER_ROOT/images/x"
  run --separate-stderr rocker_image mount b
  assert_failure 1
  assert_one_error_line 'x:latest'
  assert_equal "$(cat b/overlay/upper/written)" mine
}

@test 'a used layer is not given up for a copy where overlayfs fails' {
  used_bundle b
  rocker_image unmount b
  # As a bundle that was made without --rootfs, on a file system that can't be an upper layer any more.
  jq '.rootfs = "automatic"' b/rocker-bundle.json >record && mv record b/rocker-bundle.json
  mkdir -p b/overlay/work/work/incompat/volatile
  run --separate-stderr rocker_image mount b
  assert_failure 1
  assert_one_error_line 'overlay/upper/'
  assert_equal "$(cat b/overlay/upper/written)" mine
  refute mounted b
}
