#!/usr/bin/env bats
# What can happen to an import: it is killed at any instant, the disk is full, the input ends or is damaged. Each time
# the store has the old image or the new one, and nothing else. And who may do what: without root.
load helpers
load tar

# What was replaced is deleted by a process of its own.
tmp_is_empty() { [[ -z $(ls -A "$ROCKER_ROOT/tmp") ]]; }

# A tar of COUNT files whose /version is the tar's name.
versioned_tar() { # NAME COUNT
  mkdir -p "$1.d/sub"
  local i
  for ((i = 0; i < $2; i++)); do head -c 5000 /dev/urandom >"$1.d/sub/$i"; done
  echo "$1" >"$1.d/version"
  tar -cf "$1.tar" -C "$1.d" .
}

# Whole, as verify says, and of this version; and the list has nothing to complain of.
assert_whole() { # IMAGE VERSION...
  local version
  version=$(cat "$(rocker_image path "$1")/version")
  [[ " ${*:2} " == *" $version "* ]] || fail "version $version, expected one of ${*:2}"
  run --separate-stderr rocker_image verify "$1"
  assert_success
  run --separate-stderr rocker_image list
  assert_success
  # shellcheck disable=SC2154  # set by run
  assert_equal "$stderr" ''
}

@test 'kill -9 at random instants of a new image, of its successor and of a removal' {
  versioned_tar one 200
  versioned_tar two 400
  local start whole round i
  start=$(date +%s%N)
  rocker_image import two.tar timing >/dev/null
  whole=$((($(date +%s%N) - start) / 1000 * 3 / 2))
  rocker_image rm timing >/dev/null
  for round in {1..30}; do
    case $((round % 3)) in
      0) set -- import one.tar x ;;
      1) set -- import two.tar x ;;
      2) set -- rm x ;;
    esac
    before=$(cat "$(rocker_image path x 2>/dev/null)/version" 2>/dev/null) || before=none
    "$ROCKER_IMAGE" "$@" >/dev/null 2>&1 3>&- &
    i=$!
    sleep "$(printf '0.%06d' $((RANDOM * RANDOM % whole % 1000000)))"
    kill -KILL $i 2>/dev/null || :
    wait $i 2>/dev/null || :
    if rocker_image path x >/dev/null 2>&1; then
      case $1 in
        import) assert_whole x "$before" "${2%.tar}" ;;
        rm) assert_whole x "$before" ;;
      esac
    else
      [[ $before = none || $1 = rm ]] || fail "round $round: $* took the image away"
    fi
    # Nothing that was left is in the way, and it is gone with the next.
    if ((round % 5 == 0)); then
      rocker_image import one.tar other >/dev/null
      wait_until 20 tmp_is_empty
    fi
  done
  rocker_image import two.tar x >/dev/null
  assert_whole x two
  rocker_image prune >/dev/null
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  assert [ ! -e "$ROCKER_ROOT/generations" ] || assert_equal "$(ls -A "$ROCKER_ROOT/generations")" ''
}

@test 'a disk that is full at any point: one line, and the old image' {
  mkdir disk
  mount -t tmpfs -o size=64m tmpfs disk || skip 'needs to mount a tmpfs'
  export ROCKER_ROOT=$TEST_DIR/disk/store
  versioned_tar one 5
  versioned_tar two 150
  gzip -k two.tar
  rocker_image import one.tar x
  local full=0 size input
  for size in 200 400 600 700 800 900 1000 1100 1200 1300; do
    for input in two.tar two.tar.gz; do
      mount -o remount,size=${size}k disk
      run --separate-stderr rocker_image import "$input" x
      if [[ $status = 0 ]]; then
        assert_whole x two
        mount -o remount,size=64m disk
        rocker_image import one.tar x
        wait_until 10 tmp_is_empty
      else
        full=$((full + 1))
        assert_one_error_line 'no space left on device'
        assert_whole x one
        assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
      fi
    done
  done
  assert [ "$full" -ge 4 ]
  mount -o remount,size=64m disk
  rocker_image import two.tar x
  assert_whole x two
}

@test 'a store on a file system of whole seconds is verified' {
  needs command mkfs.ext4
  mkdir -p tree/d disk
  touch -d '2020-02-02 02:02:02.123456789 UTC' tree/d/f tree/d tree
  tar --format=pax -cf t.tar -C tree .
  tar --format=pax -cf rootless.tar -C tree d
  truncate -s 16M disk.img
  mkfs.ext4 -q -I 128 disk.img 2>/dev/null || skip 'needs mkfs.ext4 -I 128'
  mount -o loop disk.img disk || skip 'needs a loop device'
  local tar
  for tar in t rootless; do
    rocker_image --root disk/store import $tar.tar $tar
    run rocker_image --root disk/store verify $tar
    [[ $status = 0 ]] || umount disk
    assert_success
  done
  umount disk
}

@test 'no thread to be had: one line and the store as it was, or the image without one' {
  needs command strace
  versioned_tar one 200
  local nth imported=0
  for nth in {1..6}; do
    run --separate-stderr strace -f -qq -o /dev/null -e trace=clone3,clone -e inject=clone3,clone:error=EAGAIN:when="$nth" \
      "$ROCKER_IMAGE" import one.tar x
    if [[ $status = 0 ]]; then
      imported=$((imported + 1))
      assert_whole x one
      rocker_image rm x >/dev/null
    else
      assert_one_error_line 'start a thread: resource temporarily unavailable'
      run rocker_image path x
      assert_failure
    fi
    rocker_image prune >/dev/null
    wait_until 20 tmp_is_empty
  done
  # The content, the decoder and the digest need one; the manifest does not.
  assert_equal "$imported" 3
}

@test 'where close_range(2) is not known, every file is closed all the same' {
  needs command strace
  versioned_tar one 400
  (ulimit -n 64 && strace -f -qq -o trace -e trace=close_range -e inject=close_range:error=ENOSYS \
    "$ROCKER_IMAGE" import one.tar x)
  grep -q 'close_range.*ENOSYS' trace
  assert_whole x one
}

@test 'export and save to a disk that is full say so, and leave nothing there' {
  versioned_tar one 5
  head -c 3M /dev/urandom >random
  tar -rf one.tar random
  rocker_image import one.tar x
  mkdir disk
  mount -t tmpfs -o size=1m tmpfs disk || skip 'needs to mount a tmpfs'
  local verb left
  for verb in export save; do
    run --separate-stderr rocker_image "$verb" x -o disk/o.tar
    left=$(ls -A disk)
    assert_failure 1
    assert_one_error_line 'no space left on device'
    assert_equal "$left" ''
  done
  umount disk
  # Nor does one that is killed, here by a limit on the size of files.
  mkdir killed
  for verb in export save; do
    run -153 bash -c 'ulimit -c 0 -f 100; exec "$@"' _ "$BUILD/rocker-image" --root "$ROCKER_ROOT" "$verb" x -o killed/o.tar
    assert_equal "$(ls -A killed)" ''
  done
}

@test 'export and save from a store that may only be read' {
  versioned_tar one 5
  mkdir disk
  mount -t tmpfs tmpfs disk || skip 'needs to mount a tmpfs'
  ROCKER_ROOT=$PWD/disk rocker_image import one.tar x
  mount -o remount,ro disk
  local verb
  for verb in export save; do
    ROCKER_ROOT=$PWD/disk TMPDIR=$PWD run -0 --separate-stderr rocker_image "$verb" x -o "$verb.tar"
    assert_equal "$stderr" ''
  done
  umount disk
  rocker_image import save.tar x
  rocker_image export x -o again.tar
  run -0 cmp export.tar again.tar
}

@test 'an input that can not be read, that shrinks, or whose writer goes away' {
  versioned_tar one 20
  rocker_image import one.tar x
  # The kernel has nothing to read at address 0.
  run --separate-stderr rocker_image import /proc/self/mem x
  assert_failure 1
  assert_one_error_line 'read at byte 0: input/output error'
  # Each fifth of it, from a pipe.
  local size fifth
  size=$(stat -c %s one.tar)
  for fifth in 1 2 3 4; do
    # shellcheck disable=SC2016
    run --separate-stderr bash -c 'head -c "$1" one.tar | "$0" import - x' "$ROCKER_IMAGE" $((size * fifth / 5 + 100))
    assert_failure 1
    assert_one_error_line 'Import failed: standard input: '
    [[ $stderr == *'byte '* || $stderr == *'entry '* ]] || fail "no place: $stderr"
  done
  assert_whole x one
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}

# The compressed streams whose checksums are verified, with what makes the tools write them.
compressors() {
  local line
  for line in 'gzip' 'xz --check=crc32' 'xz --check=crc64' 'xz --check=sha256' 'zstd --check' 'bzip2' 'lz4' 'lzip'; do
    ! command -v "${line%% *}" >/dev/null || echo "$line"
  done
}

@test 'a flipped bit is seen wherever it is, with its place, and the store is as it was' {
  versioned_tar one 2
  versioned_tar two 12
  rocker_image import one.tar x
  local compressor size at round changed=0
  while read -r compressor; do
    $compressor <two.tar >whole
    size=$(stat -c %s whole)
    for round in {1..12}; do
      # A few of the first, the whole of the middle, and the checksums at the end.
      case $round in
        1 | 2) at=$((RANDOM % 12)) ;;
        9 | 10 | 11 | 12) at=$((size - 1 - RANDOM % 12)) ;;
        *) at=$((RANDOM * RANDOM % size)) ;;
      esac
      byte=$(od -An -tu1 -j $at -N 1 whole)
      cp whole flipped
      # shellcheck disable=SC2059
      printf "\\$(printf %03o $((byte ^ (1 << RANDOM % 8))))" | dd of=flipped bs=1 seek=$at conv=notrunc status=none
      run --separate-stderr timeout -s KILL 30 "$ROCKER_IMAGE" import flipped y
      if [[ $status = 0 ]]; then
        # A bit that means nothing, such as the time in a gzip header: then the content is what it was.
        assert_equal "$(rocker_image inspect y | jq -r '.[0].source.diff_ids[0]')" "sha256:$(sha256sum two.tar | cut -d' ' -f1)"
        rocker_image rm y >/dev/null
        continue
      fi
      changed=$((changed + 1))
      assert_failure 1
      assert_one_error_line 'Import failed: flipped: '
      # By the first bytes a stream is known for what it is.
      [[ $stderr == *'byte '* || $stderr == *'entry '* || $stderr == *'is not a tar'* ]] || fail "$compressor, byte $at: no place: $stderr"
      assert [ ! -e "$ROCKER_ROOT/images/y" ]
    done
  done < <(compressors)
  assert [ "$changed" -ge 30 ]
  assert_whole x one
  wait_until 10 tmp_is_empty
}

@test 'a stream that was cut anywhere is not taken for a whole one' {
  versioned_tar two 6
  local compressor size cut
  { compressors; echo lzma; echo compress; } | sort -u >all
  while read -r compressor; do
    command -v "${compressor%% *}" >/dev/null || continue
    # compress(1) has a status of its own for what it could not make smaller.
    $compressor <two.tar >whole || [[ $compressor = compress ]]
    size=$(stat -c %s whole)
    for cut in 1 4 9 $((size / 3)) $((size / 2)) $((size - 100)); do
      head -c $((size - cut)) whole >cut.z
      run --separate-stderr timeout -s KILL 30 "$ROCKER_IMAGE" import cut.z y
      # The last bytes of what has no checksum are no loss: the tar in it is whole, and says so.
      if [[ $status = 0 && $compressor =~ ^(lzma|compress) && $cut -lt 10 ]]; then
        assert_equal "$(rocker_image inspect y | jq -r '.[0].entries')" 8
        rocker_image rm y >/dev/null
        continue
      fi
      assert_failure 1
      assert_one_error_line 'Import failed: cut.z: '
    done
  done <all
}

@test 'a removal that takes its time blocks no import, of the same name or of another' {
  mkdir big
  (cd big && seq 40000 | xargs touch)
  tar -cf big.tar -C big .
  versioned_tar one 3
  rocker_image import big.tar x
  rocker_image import one.tar old
  rocker_image rm x
  # Stopped where it is: as slow as can be.
  local pid deleter=
  for pid in $(pgrep -x rocker-image); do
    grep -qz "^ROCKER_ROOT=$ROCKER_ROOT\$" "/proc/$pid/environ" 2>/dev/null || continue
    kill -STOP "$pid" && deleter=$pid
  done
  [[ -n $deleter && -n $(ls -A "$ROCKER_ROOT/tmp") ]] || skip 'this machine deletes 40000 files before they can be looked at'
  local command
  for command in 'import one.tar x' 'import one.tar old' 'import one.tar y' 'rm y' 'prune' 'list'; do
    # shellcheck disable=SC2086
    run timeout -s KILL 20 "$ROCKER_IMAGE" $command
    assert_success
  done
  assert_whole x one
  assert [ -n "$(ls -A "$ROCKER_ROOT/tmp")" ]
  kill -CONT "$deleter"
  wait_until 30 tmp_is_empty
}

@test 'what a killed removal has left is deleted while the next import goes on' {
  mkdir -p "$ROCKER_ROOT/tmp/trash-dead/rootfs"
  (cd "$ROCKER_ROOT/tmp/trash-dead/rootfs" && seq 20000 | xargs touch)
  versioned_tar one 3
  rocker_image import one.tar x
  wait_until 30 tmp_is_empty
}

# ---- without root

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all "$ROCKER_IMAGE" --root "$TEST_DIR/mine" "$@"; }

@test 'without root: import, look, change, save and remove, also what is closed to its owner' {
  needs command setpriv
  mkdir -m 777 mine
  {
    tar_entry name=etc/ type=5 mode=755
    tar_entry name=etc/f content=hello mode=644 uid=0001750
    tar_entry name=closed/ type=5 mode=555
    tar_entry name=closed/in/ type=5 mode=555
    tar_entry name=closed/in/f content=1 mode=400
    tar_entry name=su content=3 mode=4755
    tar_pax SCHILY.xattr.user.colour blue
    tar_entry name=marked content=4 mode=444
    tar_entry name=null type=3 major=0000001 minor=0000003
    tar_entry name=hard type=1 link=etc/f
    tar_end
  } >t.tar
  chmod 755 "$TEST_DIR"
  run --separate-stderr as_nobody import t.tar x
  assert_success
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *'1 device node (not permitted here), '*' owners (they are this user'* ]]
  root=mine/images/x/latest/rootfs
  assert_equal "$(stat -c '%u %a' $root/su $root/closed $root/etc/f)" $'65534 4755\n65534 555\n65534 644'
  assert_equal "$(getfattr --only-values -n user.colour $root/marked)" blue
  run as_nobody verify x
  assert_success
  run as_nobody list --format '{{.Repository}}'
  assert_output x
  as_nobody export x >out.tar
  assert_equal "$(tar -xOf out.tar etc/f)" hello
  as_nobody save x >saved.tar
  run --separate-stderr as_nobody import saved.tar y
  assert_success
  run as_nobody diff x y
  assert_success
  assert_output ''
  # One replaces, all go, and what nobody may write to goes with them.
  as_nobody import t.tar x
  as_nobody rm x y
  gone() { [[ -z $(ls -A mine/tmp) ]]; }
  wait_until 10 gone
}

# The owner may not read: a file, and directories without one right or all.
closed_tar() { # MODE of the root
  tar_entry name=./ type=5 mode="$1"
  tar_entry name=etc/ type=5 mode=755
  tar_pax SCHILY.xattr.user.colour blue
  tar_entry name=etc/shadow content=secret mode=000
  local mode
  for mode in 000 100 200 400; do
    tar_entry name=$mode/ type=5 mode=$mode
    tar_entry name=$mode/f content=$mode mode=200
    tar_entry name=$mode/link type=2 link=f
    tar_entry name=$mode/in/ type=5 mode=000
    tar_entry name=$mode/in/f content=in
  done
  tar_end
}

@test 'without root: what is closed to its owner is read, and stays closed' {
  needs command setpriv
  mkdir -m 777 mine
  closed_tar 000 >t.tar
  chmod 755 "$TEST_DIR"
  as_nobody import t.tar x
  modes() { find mine/images/"$1"/latest/rootfs -printf '%P %m %u %T@\n' | sort; }
  modes x >before
  as_nobody verify x
  as_nobody tag x y
  as_nobody verify y
  as_nobody export x >x.tar
  assert_equal "$(tar -xOf x.tar etc/shadow 000/in/f)" insecret
  as_nobody export y | cmp x.tar -
  as_nobody save x >saved.tar
  modes x | diff before -
  modes y | diff before -
  as_nobody import x.tar z
  run as_nobody diff x z
  assert_output ''
  assert_equal "$(getfattr --only-values -n user.colour mine/images/z/latest/rootfs/etc/shadow)" blue
  # It is read, and what has become of it seen.
  echo public >mine/images/z/latest/rootfs/000/in/f
  run as_nobody verify z
  assert_failure 1
  assert_output --regexp '^C /000/in/f  size 2 -> 7'
}

@test 'without root: readers of what is closed are not in the way of each other' {
  needs command setpriv
  mkdir -m 777 mine
  closed_tar 755 >t.tar
  chmod 755 "$TEST_DIR"
  as_nobody import t.tar x
  as_nobody export x >x.tar
  local i reader readers=()
  for i in 1 2 3; do
    { for _ in {1..10}; do as_nobody verify x || exit 1; done; } >"verify$i" 2>&1 3>&- &
    readers+=($!)
    { for _ in {1..10}; do as_nobody export x | cmp - x.tar || exit 1; done; } >"export$i" 2>&1 3>&- &
    readers+=($!)
  done
  for reader in "${readers[@]}"; do wait "$reader" || fail "$(cat verify* export*)"; done
  as_nobody verify x
}

@test 'without root: what is not its own is named by its whole path' {
  needs command setpriv
  mkdir -m 777 mine
  { tar_entry name=a/ type=5 mode=755; tar_entry name=a/f content=1; tar_end; } >t.tar
  chmod 755 "$TEST_DIR"
  as_nobody import t.tar x
  chown 0 mine/images/x/latest/rootfs/a/f
  chmod 600 mine/images/x/latest/rootfs/a/f
  run --separate-stderr as_nobody export x -o mine/x.tar
  assert_failure 1
  assert_one_error_line 'open a/f: permission denied'
}

@test 'without root: an archive or a store that is closed is named' {
  needs command setpriv
  mkdir -m 755 mine
  versioned_tar one 1
  chmod 755 "$TEST_DIR"
  run --separate-stderr as_nobody import one.tar x
  assert_failure 1
  assert_one_error_line 'permission denied'
  chmod 600 one.tar
  chmod 777 mine
  run --separate-stderr as_nobody import one.tar x
  assert_failure 1
  assert_one_error_line 'one.tar: open: permission denied'
}

@test '--chown-to-self: of root as well, counted once' {
  { tar_entry name=a content=1 uid=0001750 gid=0001750; tar_entry name=d/ type=5 mode=755 uid=0000005; tar_end; } >t.tar
  import_ok t.tar --chown-to-self
  assert_equal "$(stat -c '%u:%g' "$root/a" "$root/d" | sort -u)" 0:0
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *'2 owners (they are this user'* ]]
  run rocker_image verify x
  assert_success
}
