#!/usr/bin/env bats
# The store: whole or not at all after a kill -9 or on a full disk, one at a time, and an image that is in use stays.
load helpers

fixed_tar() { # NAME: a tar whose /version says NAME
  mkdir -p "$1.d"
  echo "$1" >"$1.d/version"
  head -c 200000 /dev/urandom >"$1.d/data"
  tar -cf "$1.tar" -C "$1.d" .
}

# What was replaced is deleted by a process of its own.
tmp_is_empty() { [[ -z $(ls -A "$ROCKER_ROOT/tmp") ]]; }

version_of() { cat "$(rocker_image path "$1")/version"; }

@test 'kill -9 at any moment leaves the old image or the new one, and the next import cleans up' {
  fixed_tar old
  mkdir big
  local i
  for i in {1..300}; do head -c 20000 /dev/urandom >"big/$i"; done
  echo new >big/version
  tar -cf new.tar -C big .
  rocker_image import old.tar x
  for i in 0 5 10 20 40 60 80 100 150 200 300; do
    "$ROCKER_IMAGE" import new.tar x >/dev/null 2>&1 &
    sleep "0.$(printf %03d "$i")"
    kill -KILL $! 2>/dev/null || :
    wait $! 2>/dev/null || :
    case $(version_of x) in
      old) assert [ -e "$(rocker_image path x)/data" ] ;;
      new) assert_equal "$(ls "$(rocker_image path x)" | wc -l)" 301 ;;
      *) fail 'neither the old image nor the new one' ;;
    esac
    rocker_image import old.tar x >/dev/null
    wait_until 20 tmp_is_empty
  done
}

@test 'an interrupted import cleans up by itself' {
  mkfifo in
  "$ROCKER_IMAGE" import in x 2>err &
  local pid=$!
  exec 7>in
  tar -cf - -C / etc/passwd | head -c 600 >&7
  sleep 0.3
  # A shell's background process ignores SIGINT.
  kill -TERM "$pid"
  local status=0
  wait "$pid" || status=$?
  exec 7>&-
  assert_equal "$status" 130
  assert_equal "$(cat err)" 'rocker-image: Import failed: in: interrupted'
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  assert [ ! -e "$ROCKER_ROOT/images/x" ]
}

@test 'prune removes the debris of what was killed, and nothing else' {
  import_busybox
  mkdir -p "$ROCKER_ROOT/tmp/import-dead/rootfs/etc" "$ROCKER_ROOT/tmp/trash-dead"
  touch "$ROCKER_ROOT/tmp/import-dead.lock"
  run rocker_image prune
  assert_success
  assert_line 'Removed tmp/import-dead'
  assert_line 'Removed tmp/trash-dead'
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  run rocker_image prune
  assert_output 'Nothing to remove'
  run rocker_image path busybox
  assert_success
}

@test 'prune leaves an import that runs alone' {
  fixed_tar slow
  mkfifo in
  "$ROCKER_IMAGE" import in x >/dev/null &
  local pid=$!
  exec 7>in
  head -c 100000 slow.tar >&7
  wait_until 10 compgen -G "$ROCKER_ROOT/tmp/import-*.lock" >/dev/null
  rocker_image prune
  tail -c +100001 slow.tar >&7
  exec 7>&-
  wait "$pid"
  assert_equal "$(version_of x)" slow
}

@test 'a full disk: one line, and the store as it was' {
  mkdir disk
  mount -t tmpfs -o size=4m tmpfs disk || skip 'needs to mount a tmpfs'
  export ROCKER_ROOT=$TEST_DIR/disk/store
  fixed_tar small
  rocker_image import small.tar x
  head -c 8M /dev/urandom >small.d/too-much
  tar -cf big.tar -C small.d .
  run --separate-stderr rocker_image import big.tar x
  assert_failure 1
  assert_one_error_line 'no space left on device'
  assert_equal "$(grep -o 'entry "' <<<"$stderr" | wc -l)" 1
  assert_equal "$(version_of x)" small
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  # So many names that there is no room for one more.
  umount disk
  mount -t tmpfs -o nr_inodes=60 tmpfs disk
  rocker_image import small.tar x
  mkdir many
  touch many/{1..100}
  tar -cf many.tar many
  run --separate-stderr rocker_image import many.tar x
  assert_failure 1
  assert_one_error_line 'no space left on device'
  assert_equal "$(version_of x)" small
}

@test 'importing and removing at once is serialised' {
  local i
  for i in 1 2 3; do fixed_tar "v$i"; done
  for i in 1 2 3 1 2 3; do rocker_image import "v$i.tar" x >/dev/null & done
  for i in 1 2 3; do rocker_image rm -f x >/dev/null 2>&1 & done
  wait
  rocker_image import v1.tar x
  assert_equal "$(version_of x)" v1
  wait_until 20 tmp_is_empty
}

@test 'the image of a bundle stays when it is replaced or removed, and goes with the bundle' {
  import_busybox x
  rocker_image bundle x b --rootfs overlay -- /bin/true || skip 'needs overlayfs'
  fixed_tar new
  rocker_image import new.tar x
  assert_equal "$(version_of x)" new
  # What the bundle was made from is still under it.
  assert [ -e "$(compgen -G "$ROCKER_ROOT/generations/*/rootfs/bin/busybox")" ]
  run rocker_image prune
  assert_output 'Nothing to remove'
  rocker_image unbundle b
  assert_equal "$(ls -A "$ROCKER_ROOT/generations")" ''
  rocker_image bundle x c --rootfs overlay -- /bin/true
  mkdir -p "$ROCKER_ROOT/containers"
  rocker_image bundle x "$ROCKER_ROOT/containers/d" --rootfs overlay -- /bin/true
  run --separate-stderr rocker_image rm x
  assert_success
  [[ $stderr == *'x:latest: 1 bundle and 1 container use it; its data goes with the last of them' ]]
  run rocker_image list
  assert_output --partial 'No images found'
  assert_equal "$(cat "$ROCKER_ROOT"/generations/*/rootfs/version)" new
  rocker_image unbundle c "$ROCKER_ROOT/containers/d"
  assert_equal "$(ls -A "$ROCKER_ROOT/generations")" ''
}

@test 'a bundle that was deleted by hand holds nothing' {
  import_busybox x
  rocker_image bundle x b --rootfs copy -- /bin/true
  rocker_image rm x
  rm -rf b
  rocker_image prune
  assert [ ! -e "$ROCKER_ROOT/generations" ] || assert_equal "$(ls -A "$ROCKER_ROOT/generations")" ''
}

@test 'rm of a big image returns at once' {
  mkdir big
  (cd big && seq 20000 | xargs touch)
  tar -cf big.tar -C big .
  rocker_image import big.tar big
  rocker_image rm big
  # The name is free, whatever is still being deleted.
  run rocker_image path big
  assert_failure 1
  wait_until 20 tmp_is_empty
}

@test 'nobody who waits for our output waits for the deletion' {
  mkdir big
  (cd big && seq 20000 | xargs touch)
  tar -cf big.tar -C big .
  rocker_image import big.tar big
  # The command's output is a pipe, which a child that kept it open would hold.
  run timeout 10 bash -c 'x=$("$0" rm big); echo "$x"' "$ROCKER_IMAGE"
  assert_success
  assert_output --partial 'Removed big:latest'
}

many_files() { # an image x of 200 small files and /version
  mkdir many
  seq 200 | (cd many && xargs touch)
  echo many >many/version
  tar -cf many.tar -C many .
  rocker_image import many.tar x
}

# Runs a command of rocker-image that waits a second in a system call, and another while it waits.
beside() { # SYSCALL[:when=N] COMMAND-AND-ARGUMENTS -- THE-OTHER'S
  local call=${1%%:*} when=${1#"${1%%:*}"} first=()
  shift
  while [[ $1 != -- ]]; do first+=("$1"); shift; done
  shift
  rm -f trace
  strace -f -o trace -e trace="$call,openat,syncfs" -e inject="$call:delay_enter=1000000$when" \
    "$ROCKER_IMAGE" "${first[@]}" >beside.out 2>beside.err &
  local pid=$!
  wait_until 10 grep -qs "${BESIDE_SINCE-rootfs}" trace
  run "$ROCKER_IMAGE" "$@"
  assert_success
  BESIDE=0
  wait "$pid" || BESIDE=$?
}

@test 'what is being read is read whole, though it is removed or replaced meanwhile, and goes then' {
  needs command strace
  many_files
  rocker_image export x >whole.tar
  rocker_image save x >whole-save.tar
  beside getdents64:when=1 export x -- rm x
  assert_equal "$BESIDE" 0
  cmp beside.out whole.tar
  run rocker_image path x
  assert_failure 1
  wait_until 20 tmp_is_empty
  assert_equal "$(ls -A "$ROCKER_ROOT/generations")" ''
  fixed_tar other
  rocker_image import many.tar x
  beside getdents64:when=1 export x -- import other.tar x
  assert_equal "$BESIDE" 0
  cmp beside.out whole.tar
  assert_equal "$(version_of x)" other
  wait_until 20 tmp_is_empty
  assert_equal "$(ls -A "$ROCKER_ROOT/generations")" ''
  rocker_image import many.tar x
  beside getdents64:when=1 verify x -- rm x
  assert_equal "$BESIDE" 0
  assert_equal "$(cat beside.out)" 'x:latest: as it was imported, 201 entries'
  rocker_image import many.tar x
  beside getdents64:when=1 save x -- rm x
  assert_equal "$BESIDE" 0
  assert_equal "$(tar -xOf beside.out manifest.json | grep -c x:latest)" 1
  assert_equal "$(stat -c %s beside.out)" "$(stat -c %s whole-save.tar)"
}

@test 'a reader that is killed holds nothing' {
  many_files
  mkfifo out
  "$ROCKER_IMAGE" export x -o out &
  local pid=$!
  exec 7<>out
  head -c 512 <&7 >/dev/null
  run --separate-stderr rocker_image rm x
  assert_success
  [[ $stderr = *'x:latest: a running command uses it; its data goes with the last of them' ]]
  assert_equal "$(ls "$ROCKER_ROOT"/generations | wc -l)" 1
  run rocker_image prune
  assert_output 'Nothing to remove'
  kill -KILL "$pid"
  wait "$pid" || :
  exec 7>&-
  run rocker_image prune
  assert_output --partial 'Removed generations/'
  assert_equal "$(ls -A "$ROCKER_ROOT/generations")" ''
}

@test 'tag beside a removal or an import of its source is of one image' {
  needs command strace
  many_files
  fixed_tar other
  local other
  for other in 'import other.tar x' 'rm x'; do
    rocker_image import many.tar x
    # Just before the link of the manifest.
    # shellcheck disable=SC2086
    beside linkat:when=202 tag x y -- $other
    assert_equal "$BESIDE" 0
    run rocker_image verify y
    assert_success
    assert_output 'y:latest: as it was imported, 201 entries'
  done
}

@test 'an import beside the removal of the only other tag of its name, and beside prune' {
  needs command strace
  fixed_tar one
  fixed_tar two
  rocker_image import one.tar x:1
  local BESIDE_SINCE='syncfs.*= 0'
  beside renameat2:when=1 import two.tar x:2 -- rm x:1
  assert_equal "$BESIDE" 0
  assert_equal "$(version_of x:2)" two
  # Between the new image's getting its name and the old one's deletion.
  beside rename:when=1 import one.tar x:2 -- prune
  assert_equal "$BESIDE" 0
  assert_equal "$(version_of x:2)" one
  wait_until 20 tmp_is_empty
}

@test 'a bundle on a disk that is out of sight keeps its image, and one that was deleted does not' {
  truncate -s 16M disk.img
  mkfs.ext4 -q disk.img
  mkdir disk
  mount -o loop disk.img disk || skip 'needs to mount an image of ext4'
  fixed_tar old
  fixed_tar new
  rocker_image import old.tar x
  rocker_image bundle x disk/one -- /bin/true
  rocker_image bundle x disk/two -- /bin/true
  rocker_image unmount disk/one
  rocker_image unmount disk/two
  umount disk
  rocker_image import new.tar x
  rocker_image prune
  run rocker_image rm x
  assert_success
  mount -o loop disk.img disk
  rocker_image mount disk/one
  assert_equal "$(cat disk/one/rootfs/version)" old
  rocker_image unbundle disk/one
  assert [ -n "$(ls "$ROCKER_ROOT/generations")" ]
  rm -r disk/two
  rocker_image prune
  assert_equal "$(ls "$ROCKER_ROOT/generations")" ''
  umount disk
}

@test 'a bundle that was killed at any moment can be made again or unmade, and holds nothing then' {
  import_busybox
  local call n killed
  for call in mkdir rename,renameat,renameat2 openat; do
    # Of the many files that are opened, those at the end.
    for n in {1..60}; do
      killed=0
      strace -qq -f -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" \
        "$ROCKER_IMAGE" bundle busybox "$PWD/b" -- /bin/true 2>/dev/null || killed=$?
      if [[ -d b && -n $(ls -A b) && ! -e b/rocker-bundle.json ]]; then
        # Nothing but what the next one takes away.
        rocker_image bundle busybox b -- /bin/true
      fi
      [[ ! -e b/rocker-bundle.json ]] || rocker_image unbundle b
      assert_equal "$(ls -A b 2>/dev/null)" ''
      [[ ! -d b ]] || rmdir b
      ((killed != 0)) || break
    done
  done
  rocker_image prune >/dev/null
  run ls "$ROCKER_ROOT/references"
  assert_output ''
}
