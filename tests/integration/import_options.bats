#!/usr/bin/env bats
# import: options that can't be meant as they are given are refused in one line that names them.
load helpers
load tar

@test 'options that leave nothing of an archive are refused by name' {
  mkdir -p tree/etc tree/usr
  echo hello >tree/etc/motd
  tar -cf t.tar -C tree .
  refused t.tar '--strip-components 99 leaves nothing of its ' --strip-components 99
  refused t.tar '--exclude * leaves nothing of its ' --exclude '*'
  refused tree '--exclude a* --exclude * leaves nothing of its ' --exclude 'a*' --exclude '*'
  refused t.tar '--exclude etc and --strip-components 99 leave nothing of its ' --exclude etc --strip-components 99
  # One that is empty itself.
  mkdir empty
  tar -cf empty.tar -C empty .
  import_ok empty.tar --strip-components 1 --exclude '*'
  assert_equal "$(ls -A "$root")" ''
}

@test 'numbers below zero, and what is no number' {
  { tar_entry name=a content=1; tar_end; } >t.tar
  refused t.tar '--max-entries: "-1" is not a number' --max-entries=-1
  refused t.tar '--strip-components: "-1" is not a number' --strip-components=-1
  refused t.tar '--strip-components: "4294967296" is not a number' --strip-components 4294967296
  refused t.tar '--max-entries: "many" is not a number' --max-entries many
  import_ok t.tar --max-entries 1
  local epoch
  for epoch in -5 9223372037 soon; do
    run --separate-stderr env SOURCE_DATE_EPOCH="$epoch" "$ROCKER_IMAGE" export x -o out.tar
    assert_failure 1
    assert_one_error_line "SOURCE_DATE_EPOCH: \"$epoch\" is not a number of seconds since 1970"
    run --separate-stderr env SOURCE_DATE_EPOCH="$epoch" "$ROCKER_IMAGE" save x -o out.tar
    assert_failure 1
    assert_one_error_line "SOURCE_DATE_EPOCH: \"$epoch\" is not a number of seconds since 1970"
  done
  assert_not_exist out.tar
}

@test 'a root file system is for Linux' {
  mkdir tree
  { tar_entry name=a content=1; tar_end; } >t.tar
  refused t.tar "which can't be for windows/amd64" --platform windows/amd64
  refused tree "which can't be for windows/amd64" --platform windows/amd64
  import_ok t.tar --platform linux/arm64
  # What is noted down is OCI's name, whichever was given.
  import_ok t.tar --platform linux/aarch64
  assert_json '.[0].architecture' '"arm64"' <(rocker_image inspect x)
  import_ok t.tar --platform armhf
  assert_json '[.[0].architecture, .[0].variant]' '["arm","v7"]' <(rocker_image inspect x)
  import_ok t.tar --platform linux
}

@test '--keyring is for signatures, and has to be there' {
  { tar_entry name=a content=1; tar_end; } >t.tar
  touch keys.gpg
  refused t.tar '--keyring: no signature is to be checked - give --verify signature' --keyring keys.gpg
  refused t.tar '--keyring: no signature is to be checked' --keyring keys.gpg --verify checksum
  refused t.tar '--keyring nothing.gpg: no such file' --keyring nothing.gpg --verify signature
}

@test 'a folder whose files have less in them than their size says is refused, and not filled up with zeros' {
  # Files of sysfs have a page each, whatever is in them.
  local some
  some=$(find /sys/kernel/mm -type f -size +0 -perm -400 2>/dev/null | head -n 1)
  [[ -n $some ]] || skip 'needs a file in /sys/kernel/mm'
  refused "${some%/*}" 'became shorter while it was read, or has less in it than its size says'
  # A hole up to the end is what it is.
  mkdir tree
  echo x >tree/f
  truncate -s 1M tree/f
  import_ok tree
  cmp tree/f "$root/f"
}

@test 'an extended attribute that is too large for the file system is counted as lost' {
  { tar_pax SCHILY.xattr.user.a "$(head -c 5000 /dev/zero | tr '\0' v)"; tar_entry name=a content=1; tar_end; } >t.tar
  import_ok t.tar
  ! getfattr --only-values -n user.a "$root/a" >value 2>/dev/null || [[ ! -s value ]] || skip 'needs a file system as ext4 is'
  # shellcheck disable=SC2154  # set by run
  [[ $stderr = *'1 xattr (not supported, not permitted or too large here)' ]]
}

# shellcheck disable=SC2016
@test 'standard input that is closed is empty, standard output that is closed fails' {
  closed() { # REDIRECTIONS ARGUMENT...
    run --separate-stderr timeout -s KILL 20 bash -c "exec \"\$@\" $1" - "$ROCKER_IMAGE" "${@:2}"
    assert_failure 1
  }
  closed '<&-' import - q
  assert_one_error_line 'standard input: is empty'
  closed '<&- >&-' import - q
  assert_one_error_line 'standard input: is empty'
  closed '>&-' list
  assert_one_error_line 'standard output: bad file descriptor'
}

@test '--strip-components counts "." as GNU tar does, and the advice too' {
  local name
  strips() { # COUNT NAME: what is left of NAME/bin/f
    { tar_entry name="$2/" type=5 mode=700; tar_entry name="$2/bin/f" content=1; tar_entry name="$2/l" type=1 link="$2/bin/f"; tar_end; } >s.tar
    import_ok s.tar --strip-components "$1"
    (cd "$root" && find . ! -type d | sort | xargs)
  }
  assert_equal "$(strips 1 r)" './bin/f ./l'
  assert_equal "$(strips 1 ./r)" './r/bin/f ./r/l'
  assert_equal "$(strips 2 ./r)" './bin/f ./l'
  assert_equal "$(strips 1 r/)" './bin/f ./l'
  assert_equal "$(strips 2 .//r)" './bin/f ./l'
  assert_equal "$(strips 2 ./blobs)" './bin/f ./l'
  # The directory that becomes the root gives it its mode.
  assert_equal "$(stat -c %a "$(rocker_image path x)")" 700
  mkdir -p wrap/tree/{bin,etc,usr}
  touch wrap/tree/bin/sh
  for name in . tree; do
    tar -cf t.tar -C wrap "$name"
    run --separate-stderr rocker_image import t.tar x
    assert_success
    [[ $stderr =~ --strip-components\ ([0-9]+) ]]
    import_ok t.tar --strip-components "${BASH_REMATCH[1]}"
    assert_exist "$root/bin/sh"
  done
}

@test '--exclude with "./" or a last slash is for the same names, and what matches nothing is told' {
  local pattern name
  mkdir -p tree/bin tree/usr/bin
  touch tree/bin/sh tree/usr/bin/env
  for name in . 'bin usr'; do
    # shellcheck disable=SC2086
    tar -cf t.tar -C tree $name
    for pattern in ./bin ././/bin/; do
      import_ok t.tar --exclude "$pattern"
      assert_equal "$stderr" ''
      assert_equal "$(cd "$root" && find . ! -type d)" ./usr/bin/env
    done
    import_ok t.tar --exclude bin/ --exclude usr/bin/env
    assert_equal "$stderr" ''
    assert_equal "$(cd "$root" && find . ! -type d)" ''
  done
  import_ok t.tar --exclude ./sbin --exclude bin/sh --exclude '*.pyc'
  assert_equal "$stderr" "rocker-image: warning: t.tar: --exclude ./sbin matches nothing
rocker-image: warning: t.tar: --exclude *.pyc matches nothing"
  assert_not_exist "$root/bin/sh"
}

@test 'a report that can not be written: what was done is said to be done' {
  { tar_entry name=a content=1; tar_end; } >t.tar
  full() { # PART ARGUMENT...
    run --separate-stderr bash -c '"$@" >/dev/full' - "$ROCKER_IMAGE" "${@:2}"
    assert_failure 1
    assert_one_error_line "rocker-image: $1, but that could not be told: write standard output: no space left"
  }
  full 'Imported x:latest' import t.tar x
  full 'Imported x:latest' import -q t.tar x
  full 'Tagged y:latest' tag x y
  full 'Removed x:latest' rm x
  assert_equal "$(rocker_image list --format '{{.Repository}}')" y
}

@test 'of a folder, what is excluded is not even looked at' {
  mkdir -p d/keep d/closed/deep
  echo 1 >d/keep/f
  chmod 755 . d
  chmod 000 d/closed
  mkdir -m 777 open
  run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$ROCKER_IMAGE" --root "$PWD/open/s" import d x
  assert_failure 1
  assert_one_error_line 'closed'
  run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$ROCKER_IMAGE" --root "$PWD/open/s" \
    import --exclude closed d x
  assert_success
  assert_equal "$(ls "$("$ROCKER_IMAGE" --root "$PWD/open/s" path x)")" keep
}

@test '--select where there is nothing to select, and beside --all' {
  mkdir -p tree/etc
  tar -cf t.tar tree
  refused t.tar 'in which there are no images to select from' --select one
  refused tree 'in which there are no images to select from' --select one
  run rocker_image import --all --select one t.tar
  assert_failure
  assert_output --partial -- '--all and --select: one of them'
}
