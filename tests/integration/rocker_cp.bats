#!/usr/bin/env bats
# cp: what it sees of a container's mounts, and what it must not replace.
load helpers

setup() { setup_containers; }

@test "cp: a container that does not run has its volumes and folders where they would be mounted" {
  mkdir -p host/sub
  echo deep >host/sub/f
  echo backup >b.sql
  rocker create --name "$TEST_TAG" -v db:/mnt -v "$PWD/host:/not/in/image" -v db2:/mnt/below busybox true
  rocker cp b.sql "$TEST_TAG:/mnt/"
  rocker cp b.sql "$TEST_TAG:/mnt/below/second"
  rocker cp b.sql "$TEST_TAG:/not/in/image/sub"
  assert_equal "$(<"$ROCKER_ROOT/volumes/db/_data/b.sql")" backup
  assert_equal "$(<"$ROCKER_ROOT/volumes/db2/_data/second")" backup
  assert_equal "$(<host/sub/b.sql)" backup
  run -0 rocker run --rm -v db:/d busybox cat /d/b.sql
  assert_output backup
  rocker start "$TEST_TAG" >/dev/null
  rocker wait "$TEST_TAG" >/dev/null
  rocker cp "$TEST_TAG:/mnt/." out
  assert_equal "$(cat out/b.sql out/below/second)" $'backup\nbackup'
  rocker cp "$TEST_TAG:/not/in/image/sub/f" f
  assert_equal "$(<f)" deep
  rocker cp "$TEST_TAG:/etc/hosts" hosts
  grep -q localhost hosts
  # Nothing of it is seen outside, and what was written is in no layer.
  run ! grep "$ROCKER_ROOT" /proc/self/mountinfo
  run -0 rocker diff "$TEST_TAG"
  refute_output --partial b.sql
}

@test "cp: a mount hides what the image has, and a link in its place leads nowhere outside" {
  mkdir hidden
  echo mine >hidden/passwd
  rocker create --name "$TEST_TAG" -v "$PWD/hidden:/etc" busybox true
  rocker cp "$TEST_TAG:/etc/passwd" p
  assert_equal "$(<p)" mine
  rocker rm "$TEST_TAG"
  mkdir victim
  rocker create --name "$TEST_TAG" -v data:/a/b busybox true
  local dir
  dir=$ROCKER_ROOT/containers/$(rocker inspect -f '{{.Id}}' "$TEST_TAG")
  mkdir -p "$dir/overlay/upper"
  ln -s "$PWD/victim" "$dir/overlay/upper/a"
  rocker cp p "$TEST_TAG:/a/b/"
  assert_equal "$(ls victim)" ''
  assert_equal "$(<"$ROCKER_ROOT/volumes/data/_data/p")" mine
}

@test "cp: a volume and a root that are read-only take nothing, whether the container runs or not" {
  echo x >f
  rocker create --name "$TEST_TAG" --read-only -v ro:/ro:ro -v rw:/rw -v "$PWD/f:/file:ro" busybox sleep 1000
  local running
  for running in no yes; do
    [[ $running = no ]] || rocker start "$TEST_TAG" >/dev/null
    run -1 --separate-stderr rocker cp f "$TEST_TAG:/ro/"
    assert_one_error_line 'mounted volume is marked read-only'
    run -1 --separate-stderr rocker cp f "$TEST_TAG:/file"
    assert_one_error_line 'is marked read-only'
    run -1 --separate-stderr rocker cp . "$TEST_TAG:/new"
    assert_one_error_line 'container rootfs is marked read-only'
    run -1 --separate-stderr bash -c "tar -cf - f | '$ROCKER' cp - '$TEST_TAG:/ro'"
    assert_one_error_line 'mounted volume is marked read-only'
    rocker cp f "$TEST_TAG:/rw/$running"
    rocker cp "$TEST_TAG:/rw/$running" back
  done
  assert_equal "$(ls "$ROCKER_ROOT/volumes/rw/_data")" $'no\nyes'
  assert_equal "$(ls "$ROCKER_ROOT/volumes/ro/_data")" ''
}

@test "cp: onto a file that is mounted is refused, and leaves the mount" {
  echo x >f
  echo y >g
  rocker run -d --name "$TEST_TAG" -v "$PWD/f:/file" busybox sleep 1000 >/dev/null
  run -1 --separate-stderr rocker cp g "$TEST_TAG:/file"
  assert_one_error_line 'is a mount'
  run -0 rocker exec "$TEST_TAG" grep -c ' /file ' /proc/mounts
  assert_output 1
}

@test "cp: volumes of a stopped container with users of its own" {
  needs userns
  rocker run --rm --userns private busybox true </dev/null || skip 'needs idmapped mounts here'
  echo x >f
  chown 5:6 f
  rocker create --name "$TEST_TAG" --userns private -v data:/made/here busybox true
  rocker cp -a f "$TEST_TAG:/made/here/"
  assert_equal "$(stat -c %u:%g "$ROCKER_ROOT/volumes/data/_data/f")" 5:6
  rocker cp -a "$TEST_TAG:/made/here/f" back
  assert_equal "$(stat -c %u:%g back)" 5:6
  rocker start "$TEST_TAG" >/dev/null
}

@test "cp: a directory makes way for no file and a file for no directory, on either side" {
  rocker run -d --name "$TEST_TAG" busybox sh -c 'mkdir -p /out /src/x /src2/sub /da/z/keep /db/f/keep
    touch /out/.ssh /src/x/new /src2/sub/new /ready; exec sleep 1000' >/dev/null
  wait_until 10 rocker exec "$TEST_TAG" test -e /ready
  mkdir -p h/.ssh k/passwd h2 hh2 real2
  echo key | tee h/.ssh/id k/passwd/kept h2/x >/dev/null
  ln -s ../real2 hh2/sub
  echo file | tee z f >/dev/null
  local running
  for running in yes no; do
    [[ $running = yes ]] || rocker stop -t 0 "$TEST_TAG" >/dev/null
    run -1 --separate-stderr rocker cp "$TEST_TAG:/out/." h
    assert_one_error_line 'cannot overwrite directory with non-directory'
    run -1 --separate-stderr rocker cp "$TEST_TAG:/etc/passwd" k
    assert_one_error_line 'cannot overwrite directory with non-directory'
    run -1 --separate-stderr rocker cp "$TEST_TAG:/src/x" h2
    assert_one_error_line 'cannot overwrite non-directory with directory'
    run -1 --separate-stderr rocker cp "$TEST_TAG:/src2/." hh2
    assert_one_error_line 'cannot overwrite non-directory with directory'
    run -1 --separate-stderr rocker cp z "$TEST_TAG:/da"
    assert_one_error_line 'cannot overwrite directory with non-directory'
    run -1 --separate-stderr bash -c "tar -cf - f | '$ROCKER' cp - '$TEST_TAG:/db'"
    assert_one_error_line 'cannot overwrite directory with non-directory'
    assert_equal "$(cat h/.ssh/id k/passwd/kept h2/x)" $'key\nkey\nkey'
    assert_equal "$(readlink hh2/sub; ls real2)" ../real2
    rocker cp "$TEST_TAG:/da" "da-$running"
    rocker cp "$TEST_TAG:/db" "db-$running"
    [[ -d da-$running/z/keep && -d db-$running/f/keep ]]
  done
  # What is of the same kind still makes way.
  rocker cp "$TEST_TAG:/src/." k
  rocker cp "$TEST_TAG:/src/." k
  echo other >passwd
  rocker cp passwd "$TEST_TAG:/etc"
  rocker cp "$TEST_TAG:/etc/passwd" back
  assert_equal "$(<back)" other
}

@test "cp: a file that is mounted stays mounted when the folder around it is written to" {
  echo x | tee f g >/dev/null
  rocker run -d --name "$TEST_TAG" -v "$PWD/f:/dir/g" busybox sleep 1000 >/dev/null
  run -1 --separate-stderr rocker cp g "$TEST_TAG:/dir"
  assert_one_error_line 'cannot overwrite what is mounted'
  run -0 rocker exec "$TEST_TAG" grep -c ' /dir/g ' /proc/mounts
  assert_output 1
}

@test "cp: a slash behind a link follows it, and keeps its name" {
  rocker run -d --name "$TEST_TAG" busybox sh -c 'mkdir /real; echo in >/real/f; ln -s /real /link; ln -s / /top
    touch /ready; exec sleep 1000' >/dev/null
  wait_until 10 rocker exec "$TEST_TAG" test -e /ready
  mkdir real into
  echo out >real/f
  ln -s real rl
  local running
  for running in yes no; do
    [[ $running = yes ]] || rocker stop -t 0 "$TEST_TAG" >/dev/null
    rm -rf new into/*
    rocker cp "$TEST_TAG:/link/" new
    rocker cp "$TEST_TAG:/link/" into
    rocker cp -L "$TEST_TAG:/link" into/followed
    rocker cp "$TEST_TAG:/link" into/itself
    [[ -d new && ! -L new && ! -L into/link ]]
    assert_equal "$(cat new/f into/link/f into/followed/f)" $'in\nin\nin'
    assert_equal "$(readlink into/itself)" /real
    rocker cp rl/ "$TEST_TAG:/rl-$running"
    rocker cp rl/ "$TEST_TAG:/real"
    rocker cp "$TEST_TAG:/rl-$running/f" f1
    rocker cp "$TEST_TAG:/real/rl/f" f2
    assert_equal "$(cat f1 f2)" $'out\nout'
  done
  rocker cp "$TEST_TAG:/top/" into
  assert_equal "$(<into/top/real/f)" in
}

@test "cp: a link at the destination is written through, inside the root" {
  echo new >f
  rocker run -d --name "$TEST_TAG" busybox sh -c "echo old >/t; ln -s t /lt; ln -s $PWD/f /out; ln -s /dir/dang /dang
    mkdir /dir; ln -s loop /loop; mkdir -p $PWD; touch /ready; exec sleep 1000" >/dev/null
  wait_until 10 rocker exec "$TEST_TAG" test -e /ready
  ln -s t2 l2
  ln -s t3 l3
  echo old >t2
  local running
  for running in yes no; do
    [[ $running = yes ]] || rocker stop -t 0 "$TEST_TAG" >/dev/null
    echo "$running" >n
    rocker cp n "$TEST_TAG:/lt"
    rocker cp n "$TEST_TAG:/dang"
    rocker cp n "$TEST_TAG:/out"
    assert_equal "$(<f)" new
    rocker cp "$TEST_TAG:/t" l2
    rocker cp "$TEST_TAG:/dir/dang" l3
    assert_equal "$(cat t2 t3; readlink l2 l3)" "$running"$'\n'"$running"$'\n't2$'\n't3
    rocker cp "$TEST_TAG:$PWD/f" back
    assert_equal "$(<back)" "$running"
    run -1 --separate-stderr rocker cp n "$TEST_TAG:/loop"
    assert_one_error_line 'too many'
  done
}

@test "cp: a file with a slash behind it is no directory, and no path is nothing" {
  rocker create --name "$TEST_TAG" busybox true
  echo x >z
  run -1 --separate-stderr rocker cp "$TEST_TAG:/etc/passwd/" x
  assert_one_error_line 'not a directory'
  run -1 --separate-stderr rocker cp z/ "$TEST_TAG:/y"
  assert_one_error_line 'not a directory'
  run -1 --separate-stderr rocker cp z "$TEST_TAG:/etc/passwd/"
  assert_one_error_line 'not a directory'
  run ! --separate-stderr rocker cp '' "$TEST_TAG:/"
  assert_one_error_line 'empty'
  [[ ! -e x ]]
}
