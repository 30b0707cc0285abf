#!/usr/bin/env bats
# import of archives that mean ill, made byte by byte: nothing leaves the root file system, and nothing is half done.
load helpers
load tar

@test 'a name with .. that leads out is refused; one that stays inside is taken' {
  { tar_entry name=../out content=x; tar_end; } >t.tar
  refused t.tar 'leads out of the root'
  { tar_entry name=a/../../out content=x; tar_end; } >t.tar
  refused t.tar 'leads out of the root'
  assert [ ! -e "$ROCKER_ROOT/out" ]
  { tar_entry name=a/../b content=x; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cat "$root/b")" x
}

@test 'an absolute name is below the root' {
  { tar_entry name=/etc/rocker-hostile-$TEST_TAG content=x; tar_end; } >t.tar
  import_ok t.tar
  assert [ -e "$root/etc/rocker-hostile-$TEST_TAG" ]
  assert [ ! -e "/etc/rocker-hostile-$TEST_TAG" ]
}

@test 'a symbolic link and then a file through it: the link is resolved inside the root' {
  mkdir outside
  { tar_entry name=abs type=2 link="$TEST_DIR/outside"; tar_entry name=abs/file content=1
    tar_entry name=rel type=2 link=../../../../../../../../..; tar_entry name=rel/top content=2
    tar_entry name=lib type=2 link=usr/lib; tar_entry name=lib/x content=3; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(ls -A outside)" ''
  assert_equal "$(cat "$root$TEST_DIR/outside/file")" 1
  assert_equal "$(cat "$root/top")" 2
  assert_equal "$(cat "$root/usr/lib/x")" 3
  assert [ -L "$root/lib" ]
}

@test 'the last component is never followed' {
  echo untouched >victim
  { tar_entry name=f type=2 link="$TEST_DIR/victim"; tar_entry name=f content=evil mode=777
    tar_entry name=d type=2 link="$TEST_DIR"; tar_entry name=d/ type=5 mode=777 uid=0000001; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cat victim)" untouched
  assert_equal "$(stat -c %a victim)" 644
  assert_equal "$(cat "$root/f")" evil
  assert [ ! -L "$root/d" ]
  assert_equal "$(stat -c %u "$TEST_DIR")" 0
}

@test 'a symbolic link to an absolute path, later replaced by a directory' {
  { tar_entry name=d type=2 link=/etc; tar_entry name=d/ type=5 mode=755; tar_entry name=d/passwd content=mine; tar_end; } >t.tar
  import_ok t.tar
  assert [ ! -L "$root/d" ]
  assert_equal "$(cat "$root/d/passwd")" mine
  assert [ ! -e "$root/etc" ]
}

@test 'an entry that replaces a directory by a link, and back' {
  { tar_entry name=d/ type=5 mode=755; tar_entry name=d/old content=1; tar_entry name=e/f content=2
    tar_entry name=d type=2 link=e; tar_entry name=d/through content=3
    tar_entry name=d/ type=5 mode=755; tar_entry name=d/new content=4; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cd "$root" && find d e | sort | xargs)" 'd d/new e e/f e/through'
}

@test 'an entry that replaces the link which it came through: the next one goes where the name leads now' {
  { tar_entry name=link type=2 link=.; tar_entry name=link/link type=5 mode=755; tar_entry name=link/foo content=1
    tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cd "$root" && find . -mindepth 1 | sort | xargs)" './link ./link/foo'
  rocker_image rm x
  { tar_entry name=link type=2 link=.; tar_entry name=link/link content=1; tar_entry name=link/foo content=1
    tar_end; } >t.tar
  refused t.tar 'entry "link/foo": open link: not a directory'
}

@test 'links that lead in a circle are refused' {
  { tar_entry name=a type=2 link=b; tar_entry name=b type=2 link=a; tar_entry name=a/x content=1; tar_end; } >t.tar
  refused t.tar 'too many levels of symbolic links'
}

@test 'hard links: to outside, to a later entry, to a link, chains, to itself, to a directory, to nothing' {
  echo secret >victim
  { tar_entry name=h type=1 link="$TEST_DIR/victim"; tar_end; } >t.tar
  refused t.tar 'not in the archive'
  { tar_entry name=h type=1 link=../../victim; tar_end; } >t.tar
  refused t.tar 'leads out of the root'
  { tar_entry name=out type=2 link="$TEST_DIR"; tar_entry name=h type=1 link=out/victim; tar_end; } >t.tar
  refused t.tar 'not in the archive'
  { tar_entry name=d/ type=5; tar_entry name=h type=1 link=d; tar_end; } >t.tar
  refused t.tar 'hard link to a directory'
  { tar_entry name=third type=1 link=second; tar_entry name=second type=1 link=first; tar_entry name=first content=x
    tar_entry name=s type=2 link="$TEST_DIR/victim"; tar_entry name=hs type=1 link=s
    tar_entry name=first type=1 link=first; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(stat -c %h "$root/first")" 3
  assert [ -L "$root/hs" ]
  assert_equal "$(stat -c %h victim)" 1
}

@test 'a hard link to a later entry gives way to what took its name meanwhile' {
  { tar_entry name=b type=1 link=a; tar_entry name=b content=real; tar_entry name=a content=AAAA; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cat "$root/a" "$root/b")" AAAAreal
  { tar_entry name=b type=1 link=a; tar_entry name=b type=2 link=a; tar_entry name=c type=1 link=a
    tar_entry name=c/ type=5 mode=755; tar_entry name=f type=1 link=a; tar_entry name=f type=6
    tar_entry name=twice type=1 link=a; tar_entry name=twice type=1 link=late
    tar_entry name=a content=AAAA; tar_entry name=late content=late; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(readlink "$root/b")" a
  assert [ -d "$root/c" ]
  assert [ -p "$root/f" ]
  assert_equal "$(cat "$root/twice")" late
  # By another way to the same directory, and with the directory that it was in.
  { tar_entry name=d/ type=5 mode=755; tar_entry name=way type=2 link=d; tar_entry name=d/b type=1 link=a
    tar_entry name=way/b content=real; tar_entry name=e/b type=1 link=a; tar_entry name=e content=file
    tar_entry name=a content=AAAA; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cat "$root/d/b" "$root/e")" realfile
  # A link to itself takes nothing.
  { tar_entry name=b type=1 link=a; tar_entry name=b type=1 link=b; tar_entry name=a content=AAAA; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cat "$root/b")" AAAA
}

@test 'names: UTF-8, newlines, invalid UTF-8, pax and ustar' {
  local odd=$'new\nline' utf='naïve-日本'
  {
    tar_entry name="$odd" content=1
    tar_entry name="$utf" content=2
    tar_entry name=$'bad\xff\xfe' content=3
    tar_pax path "pax-$utf"
    tar_entry name=x content=4
    tar_pax path $'pax-bad\xff'
    tar_entry name=x content=5
    tar_entry name=link type=2 link=$'t\xffarget'
    tar_end
  } >t.tar
  local locale
  for locale in C C.UTF-8 POSIX; do
    run env LC_ALL=$locale "$ROCKER_IMAGE" import t.tar x
    assert_success
    root=$(rocker_image path x)
    assert_equal "$(cat "$root/$odd" "$root/$utf" "$root/"$'bad\xff\xfe' "$root/pax-$utf" "$root/"$'pax-bad\xff')" 12345
    assert_equal "$(readlink "$root/link")" $'t\xffarget'
  done
}

@test 'components of 255 bytes are taken, longer ones and too long paths are refused' {
  local ok long path
  ok=$(printf 'n%.0s' {1..255})
  long=${ok}n
  path=$(printf 'directory/%.0s' {1..500})
  { tar_pax path "$ok"; tar_entry name=x content=1; tar_end; } >t.tar
  import_ok t.tar
  assert [ -e "$root/$ok" ]
  rocker_image rm x
  { tar_pax path "$long"; tar_entry name=x content=1; tar_end; } >t.tar
  refused t.tar '256 bytes'
  { tar_pax path "${path}x"; tar_entry name=x content=1; tar_end; } >t.tar
  refused t.tar 'file name too long'
}

@test 'a directory without x, files of mode 000, and children before their parents' {
  { tar_entry name=p/q/file content=1 mode=000; tar_entry name=p/q/ type=5 mode=000 mtime=07000000000
    tar_entry name=p/ type=5 mode=500 mtime=07000000000; tar_entry name=p/late content=2; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(stat -c '%a %Y' "$root/p/q")" "0 $((8#7000000000))"
  assert_equal "$(stat -c '%a %Y' "$root/p")" "500 $((8#7000000000))"
  assert_equal "$(stat -c %a "$root/p/q/file")" 0
  assert_equal "$(cat "$root/p/late")" 2
}

@test 'the last of several entries of one name counts' {
  { tar_entry name=a content=first mode=600; tar_entry name=b type=2 link=a; tar_entry name=a content=second mode=640
    tar_entry name=b content=file; tar_entry name=c content=x; tar_entry name=c type=6; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cat "$root/a")" second
  assert_equal "$(stat -c %a "$root/a")" 640
  assert [ -f "$root/b" ]
  assert [ -p "$root/c" ]
}

@test 'negative and absurd sizes, times and owners' {
  { tar_entry name=a size='=\377\377\377\377\377\377\377\377\377\377\377\377'; tar_end; } >t.tar
  run --separate-stderr rocker_image import t.tar x
  assert_failure 1
  assert_one_error_line 'Import failed'
  { tar_entry name=a size=77777777777 content=x; tar_end; } >t.tar
  run --separate-stderr rocker_image import t.tar x
  assert_failure 1
  assert_one_error_line 'Import failed'
  # A time before 1970 is one.
  { tar_entry name=a mtime='=\377\377\377\377\377\377\377\377\377\377\377\377' content=x; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(stat -c %Y "$root/a")" -1
  rocker_image rm x
  { tar_entry name=a uid='=\377\377\377\377\377\377\377\377' content=x; tar_end; } >t.tar
  refused t.tar 'uid is -1'
  { tar_pax gid 4294967295; tar_entry name=a content=x; tar_end; } >t.tar
  refused t.tar 'gid is 4294967295'
  { tar_pax uid 4294967294; tar_entry name=a content=x; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(stat -c %u "$root/a")" 4294967294
}

@test 'device nodes are made, or left out by --no-devices; 0:0 always, in one line' {
  { tar_entry name=null type=3 major=0000001 minor=0000003 mode=666; tar_entry name=disk type=4 major=0000007
    tar_entry name=w1 type=3; tar_entry name=w2 type=3; tar_entry name=pipe type=6; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(stat -c '%F %t:%T %a' "$root/null")" 'character special file 1:3 666'
  assert [ -b "$root/disk" ]
  assert [ -p "$root/pipe" ]
  assert [ ! -e "$root/w1" ]
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *'2 character devices 0:0'* ]]
  import_ok t.tar --no-devices
  assert_equal "$(ls "$root")" pipe
  [[ $stderr == *'2 device nodes (--no-devices)'* ]]
}

@test 'xattrs: capabilities and users are kept, overlayfs is not fooled' {
  { tar_pax SCHILY.xattr.user.colour blue; tar_entry name=a content=1
    tar_pax SCHILY.xattr.trusted.overlay.opaque y; tar_entry name=d/ type=5 mode=755
    tar_pax SCHILY.xattr.trusted.overlay.redirect /etc; tar_entry name=e/ type=5 mode=755; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(getfattr --only-values -n user.colour "$root/a")" blue
  assert_equal "$(getfattr -m - -d "$root/d" "$root/e")" ''
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *'2 overlay xattrs'* ]]
  needs command setcap
  touch ping
  setcap cap_net_raw+ep ping 2>/dev/null || skip 'needs file capabilities'
  tar --xattrs --xattrs-include='*' --format=pax -cf t.tar ping
  import_ok t.tar
  assert_equal "$(getcap "$root/ping" | sed 's/.* //')" 'cap_net_raw=ep'
}

@test 'set-user-ID bits stay, also with another owner' {
  { tar_entry name=su content=x mode=4755 uid=0001750; tar_entry name=sg content=x mode=2755; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(stat -c '%a %u' "$root/su")" '4755 1000'
  assert_equal "$(stat -c %a "$root/sg")" 2755
}

@test 'POSIX ACLs' {
  needs command getfacl
  { tar_pax SCHILY.acl.access 'user::rw-,user:bin:r--:2,group::r--,mask::r--,other::---'; tar_entry name=a content=1; tar_end; } >t.tar
  import_ok t.tar
  getfacl -n --omit-header "$root/a" 2>/dev/null | grep -q '^user:2:r--'
}

@test 'a bomb stops at --max-size and --max-entries, and the message says so' {
  head -c 50M /dev/zero >big
  tar -cf - big | gzip -1 >t.tgz
  refused t.tgz '--max-size allows more' --max-size 10m
  import_ok t.tgz --max-size 60m
  rocker_image rm x
  mkdir many
  touch many/{1..50}
  tar -cf t.tar many
  refused t.tar '--max-entries allows more' --max-entries 20
}

@test 'compressed more often than anybody would' {
  { tar_entry name=a content=1; tar_end; } | gzip | gzip >two
  import_ok two
  rocker_image rm x
  gzip <two | gzip | gzip >five
  refused five 'compressed more than 4 times'
}

@test 'the root itself may be an entry, but only as a directory' {
  { tar_entry name=./ type=5 mode=700 uid=0000005; tar_entry name=a content=1; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(stat -c '%a %u' "$root")" '700 5'
  rocker_image rm x
  { tar_entry name=. type=2 link=/etc; tar_end; } >t.tar
  refused t.tar 'is the root'
}

@test 'a file where a directory has to be is an error that names the entry' {
  { tar_entry name=a content=1; tar_entry name=a/b content=2; tar_end; } >t.tar
  refused t.tar 'entry "a/b"'
}

@test 'a control character in a name does not reach the terminal' {
  { tar_entry name=$'a\e[31mred' content=1; tar_entry name=$'a\e[31mred/b' content=2; tar_end; } >t.tar
  refused t.tar 'a\x1b[31mred/b'
}

@test 'without root: what it may not own is its own, and said so once' {
  needs command setpriv
  mkdir -m 777 store
  { tar_entry name=a content=1 uid=0001750; tar_entry name=null type=3 major=0000001 minor=0000003; tar_end; } >t.tar
  chmod 755 "$TEST_DIR"
  run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all \
    "$ROCKER_IMAGE" --root "$TEST_DIR/store" import t.tar x
  assert_success
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *'1 device node (not permitted here), 1 owner'* ]]
  assert_equal "$(stat -c %u store/images/x/latest/rootfs/a)" 65534
  import_ok t.tar --chown-to-self
  assert_equal "$(stat -c %u "$root/a")" 0
}
