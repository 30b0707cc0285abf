#!/usr/bin/env bats
# import of archives that are small, and want much: time, memory, descriptors.
load helpers
load tar
load layout
shopt -s lastpipe

# An archive by a Python program: add(NAME, TYPE, LINK, DATA, PAX) is there for it, with D, S and H for directories,
# symbolic and hard links.
archive() { # TAR < PROGRAM
  needs command python3
  python3 -c '
import io, sys, tarfile
D, S, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
out = tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT)
def add(name, type=tarfile.REGTYPE, link="", data=b"", pax={}):
  member = tarfile.TarInfo(name)
  member.type, member.linkname, member.size, member.pax_headers = type, link, len(data), pax
  member.mode = 0o755 if type == D else 0o644
  out.addfile(member, io.BytesIO(data))
exec(sys.stdin.read())
out.close()' "$1"
}

# Ends an import that is at work, after TERM and without an image.
interrupted() { # TAR
  "$ROCKER_IMAGE" import "$1" x 2>err &
  local pid=$! status=0
  busy() { compgen -G "$ROCKER_ROOT/tmp/import-*/rootfs/*" >/dev/null; }
  wait_until 10 busy
  kill -TERM "$pid"
  ended() { ! kill -0 "$pid" 2>/dev/null; }
  wait_until 5 ended || kill -KILL "$pid"
  wait "$pid" || status=$?
  assert_equal "$status" 130
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  assert [ ! -e "$ROCKER_ROOT/images/x" ]
}

@test 'a chain of hard links to later ones takes as much work as links to one file' {
  needs command strace
  archive t.tar <<<'
for n in range(400): add(f"n{n:03}", H, f"n{n + 1:03}")
add("n400", data=b"x")
# Through directories that only links make, and one of them by a symbolic link.
for n in range(20): add(f"d{n:02}/a", H, f"d{n + 1:02}/a")
add("d20", S, "e")
add("e/a", H, "n000")'
  run strace -f -c -o calls -e trace=linkat,newfstatat "$ROCKER_IMAGE" import t.tar x
  assert_success
  root=$(rocker_image path x)
  assert_equal "$(stat -c %h "$root/n000" "$root/d00/a" | xargs)" '422 422'
  [[ $(awk '$NF == "total" { print $4 }' calls) -lt 8000 ]]
}

# The most memory that an import took, in KiB.
peak() { # TAR
  needs command /usr/bin/time
  run /usr/bin/time -f %M -o peak "$ROCKER_IMAGE" import "$1" x
  tail -n 1 peak
}

@test 'the attributes of a directory that comes a thousand times are held once' {
  archive t.tar <<<'
for n in range(1000): add("d/", D, pax={"SCHILY.xattr.user.a": str(n) + 60000 * "x"})
add("d/", D, pax={"SCHILY.xattr.user.a": "last"})'
  [[ $(peak t.tar) -lt 40000 ]]
  assert_equal "$(getfattr --only-values -n user.a "$(rocker_image path x)/d")" last
}

@test 'directories with more attributes than memory has room for are refused' {
  archive t.tar <<<'for n in range(1200): add(f"{n}/", D, pax={"SCHILY.xattr.user.a": 60000 * "x"})'
  refused t.tar 'the directories up to here have more than 64.0MB of extended attributes'
}

@test 'a hole of hundreds of gigabytes can be interrupted, and an error elsewhere does not wait for it' {
  # GNU's format 1.0: the map is the beginning of the content.
  local sparse='
def hole(name, size):
  add("GNUSparseFile.0/" + name, data=(b"1\n%d\n1\n" % (size - 1)).ljust(512, b"\0") + b"x", pax={"GNU.sparse.major": "1",
    "GNU.sparse.minor": "0", "GNU.sparse.name": name, "GNU.sparse.realsize": str(size)})
'
  archive t.tar <<<"${sparse}hole('z', 250 << 30)"
  interrupted t.tar
  archive t.tar <<<"${sparse}hole('z', 250 << 30)
add('z/x', data=b'1')"
  run timeout -s KILL 20 "$ROCKER_IMAGE" import t.tar x
  assert_failure 1
  assert_output --partial 'entry "z/x": '
}

@test 'directories nested as deep as they may be, also by links, are an image like any other' {
  archive t.tar <<<'
add("s", S, "d/" * 255 + "d")
add("d/" * 256, D)
add("s/" + "d/" * 255, D)
add("s/" + "d/" * 255 + "f", data=b"x")'
  import_ok t.tar
  assert_equal "$(cd "$root" && find d -type f -printf '%d')" 511
  run -0 timeout -s KILL 60 "$ROCKER_IMAGE" tag x other
  run -0 timeout -s KILL 60 "$ROCKER_IMAGE" verify other
  rocker_image export x >out.tar
  import_ok out.tar
  mkdir folder
  tar -xf out.tar -C folder
  import_ok folder
  rocker_image rm x
  archive t.tar <<<'
add("s", S, "d/" * 255 + "d")
add("d/" * 256, D)
add("s/" + "d/" * 256, D)'
  refused t.tar 'directories are nested deeper than 512 levels'
  archive t.tar <<<'
part = 200 * "p" + "/"
add("s", S, part * 15)
add(part * 15, D)
add("s/" + part * 6 + "f", data=b"x")'
  refused t.tar 'its path in the root has more than 4095 bytes'
  # What is no path of its own, but leads to where one ends.
  archive t.tar <<<'
add("s", S, ".")
add(16 * "s/" + "f", data=b"x")'
  import_ok t.tar
}

@test 'an opaque whiteout over a tree that is deeper than descriptors are allowed' {
  layout_begin l
  archive t.tar <<<'add("a/" * 400 + "low", data=b"1"); add("a/" * 400 + "d/low", data=b"1")'
  add_layer <t.tar
  archive t.tar <<<'add("a/" * 400 + "new", data=b"2"); add("a/.wh..wh..opq"); add(".wh.a")'
  add_layer <t.tar
  layout_end
  run bash -c 'ulimit -n 256; timeout -s KILL 60 "$0" import l x' "$ROCKER_IMAGE"
  assert_success
  assert_equal "$(cd "$(rocker_image path x)" && find a -name low -o -name new -printf '%d %f')" '400 new'
}

@test 'a large file of a folder is not held in memory' {
  mkdir big
  head -c 500M /dev/zero | tr '\0' x >big/file
  [[ $(peak big) -lt 49152 ]]
  assert_equal "$(stat -c %s "$(rocker_image path x)/file")" 524288000
}

@test 'hard links to what comes later are held in little memory, and too many are refused' {
  archive t.tar <<<'
for n in range(100000): add(f"d{n % 100}/l{n:06}", H, f"z/f{n:06}")
for n in range(100000): add(f"z/f{n:06}")'
  [[ $(peak t.tar) -lt 49152 ]]
  assert_equal "$(find "$(rocker_image path x)" -links 2 -type f | wc -l)" 200000
  rocker_image rm -f x
  archive t.tar <<<'
for n in range(200000): add(f"d{n % 100}/l{n:06}", H, f"z/f{n:06}")'
  refused t.tar 'more than 20.0MB of hard links wait for what comes after them'
}

@test 'few descriptors are enough' {
  archive t.tar <<<'
for n in range(300):
  add(f"{n}/", D)
  add(f"{n}/{n}", data=b"x")
for n in range(300): add(f"{n}/again", data=b"x")
add("/".join(map(str, range(20))) + "/deep", data=b"x")'
  (ulimit -n 64 && rocker_image import t.tar x && rocker_image import "$(rocker_image path x)" y)
  assert_equal "$(find "$(rocker_image path y)" -type f | wc -l)" 601
}

@test 'a full disk: whoever comes upon it, one line names the entry' {
  local inodes
  archive t.tar <<<'
for n in range(8000): add(f"{n % 20}/{n}", data=b"x")'
  mkdir small
  for inodes in {3900..4200..20}; do
    mount -t tmpfs -o "size=16m,nr_inodes=$inodes" tmpfs small
    run --separate-stderr rocker_image --root "$PWD/small/store" import t.tar x
    umount small
    assert_failure
    assert_one_error_line 'Import failed: t.tar: entry "'
    assert_regex "$stderr" '(create|mkdir|write): no space left on device$'
  done
}
