#!/usr/bin/env bats
# import: archives of every kind and compression become an image, or are refused in one line with the store as it was.
load helpers
load tar

# A small root file system with something of everything, as a tar.
small_tree() {
  mkdir -p tree/bin tree/etc tree/usr/lib tree/tmp tree/locked
  printf 'hello\n' >tree/etc/motd
  printf '#!/bin/sh\n' >tree/bin/tool
  chmod 4755 tree/bin/tool
  ln -s usr/lib tree/lib
  ln tree/etc/motd tree/etc/motd.link
  mkfifo -m 600 tree/tmp/fifo
  mknod -m 666 tree/tmp/null c 1 3
  mknod -m 660 tree/tmp/disk b 7 0
  chmod 1777 tree/tmp
  printf secret >tree/locked/file
  chmod 0 tree/locked/file
  chmod 500 tree/locked
  chown -R 1234:70000 tree/locked
  chown -h 77:88 tree/lib
  setfattr -n user.colour -v blue tree/etc/motd
  touch -h -d '2001-02-03 04:05:06.123456789 UTC' tree/etc/motd tree/lib tree/bin/tool tree/tmp
  touch -d '1999-01-01 UTC' tree/locked tree/etc tree/bin tree/usr tree/usr/lib tree
}

listing() { # DIR: all that a user can see of each file
  (cd "$1" && find . -printf '%p %y %m %U:%G %s %T@ %n %l\n' | sed 's/ d \([0-9]*\) \([^ ]*\) [0-9]* / d \1 \2 - /' | sort)
}

@test 'a tar is imported as it is: owners, modes, times, links, devices, xattrs' {
  small_tree
  tar --xattrs --format=pax -cf t.tar -C tree .
  run --separate-stderr rocker_image import t.tar small
  assert_success
  assert_output --regexp '^Imported small:latest \(ID: [0-9a-f]{8}, Size: [0-9.]+B\)$'
  assert_equal "$stderr" ''
  root=$(rocker_image path small)
  assert_equal "$root" "$ROCKER_ROOT/images/small/latest/rootfs"
  diff <(listing tree) <(listing "$root")
  assert_equal "$(getfattr --only-values -n user.colour "$root/etc/motd")" blue
  assert_equal "$(stat -c '%t:%T' "$root/tmp/null")" 1:3
  assert [ "$root/etc/motd" -ef "$root/etc/motd.link" ]
}

@test 'the size is the sum of st_size of all that is no directory, each name counted' {
  small_tree
  tar --format=gnu -cf t.tar -C tree .
  rocker_image import t.tar small
  expected=$(find tree ! -type d -printf '%s\n' | awk '{ s += $1 } END { print s }')
  run rocker_image inspect small
  assert_json '.[0].size' "$expected"
  assert_json '.[0].entries' "$(find tree -mindepth 1 | wc -l)"
}

@test 'image.json has the digests of the input and of the tar in it' {
  small_tree
  tar --format=pax -cf t.tar -C tree .
  gzip -k t.tar
  rocker_image import t.tar.gz small
  json=$ROCKER_ROOT/images/small/latest/image.json
  assert_json '[.name, .tag, .id]' '["small","latest","'"$(jq -r .id "$json")"'"]' "$json"
  assert_json .source.digest "\"sha256:$(sha256sum t.tar.gz | cut -d' ' -f1)\"" "$json"
  assert_json '.source.diff_ids' "[\"sha256:$(sha256sum t.tar | cut -d' ' -f1)\"]" "$json"
  run jq -r .created_time "$json"
  assert_output --regexp '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$'
}

@test 'every compression is known by its content, not by its name' {
  small_tree
  tar --format=pax -cf t.tar -C tree .
  local tool
  for tool in cat gzip bzip2 xz zstd lz4 lzma 'gzip | gzip' 'zstd | xz'; do
    command -v "${tool%% *}" >/dev/null || continue
    eval "$tool" <t.tar >archive.jpg
    run rocker_image import archive.jpg c
    assert_success
    diff <(listing tree) <(listing "$(rocker_image path c)")
    run rocker_image inspect c
    assert_json '.[0].source.diff_ids' "[\"sha256:$(sha256sum t.tar | cut -d' ' -f1)\"]"
  done
}

@test 'gzip of several members and xz of several streams are one archive' {
  small_tree
  tar --format=pax -cf t.tar -C tree .
  { head -c 5000 t.tar | gzip; tail -c +5001 t.tar | gzip; } >t.gz
  { head -c 5000 t.tar | xz; tail -c +5001 t.tar | xz; } >t.xz
  local archive
  for archive in t.gz t.xz; do
    run rocker_image import "$archive" several
    assert_success
    diff <(listing tree) <(listing "$(rocker_image path several)")
  done
}

@test 'a gzip header that has a checksum and does not fit into one piece' {
  small_tree
  tar --format=pax -cf t.tar -C tree .
  # RFC 1952: a comment of 100 or 9000 bytes, and CRC16; the second member is as usual.
  python3 - <<'END'
import zlib, gzip
data = open('t.tar', 'rb').read()
def member(data, comment, checksum):
    head = b'\x1f\x8b\x08' + bytes([16 + 2 * checksum]) + b'\0\0\0\0\0\3' + comment + b'\0'
    if checksum: head += (zlib.crc32(head) & 0xffff).to_bytes(2, 'little')
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    return (head + deflate.compress(data) + deflate.flush() + zlib.crc32(data).to_bytes(4, 'little') +
            len(data).to_bytes(4, 'little'))
for size in 100, 4085, 4086, 9000, 70000:
    whole = (member(data[:3000], b'c' * size, True) + gzip.compress(data[3000:6000]) +
             member(data[6000:], b'd' * size, True))
    open('good-%d.gz' % size, 'wb').write(whole)
bad = bytearray(whole)
bad[5000] ^= 1
open('bad.gz', 'wb').write(bad)
END
  local size
  for size in 100 4085 4086 9000 70000; do
    run rocker_image import good-$size.gz x
    assert_success
    assert_json '.[0].source.diff_ids' "[\"sha256:$(sha256sum t.tar | cut -d' ' -f1)\"]" <(rocker_image inspect x)
  done
  rocker_image rm x
  run --separate-stderr rocker_image import bad.gz x
  assert_failure 1
  assert_one_error_line 'damaged gzip stream'
}

@test 'every dialect of tar, and cpio' {
  small_tree
  local format long
  for format in oldgnu gnu ustar pax v7; do
    # v7 has no devices.
    [[ $format != v7 ]] || rm tree/tmp/{null,disk,fifo}
    tar --format=$format -cf t.tar -C tree .
    run rocker_image import t.tar dialect
    assert_success
    assert_equal "$(cat "$(rocker_image path dialect)/etc/motd")" hello
  done
  (cd tree && find . | cpio --quiet -o -H newc) >t.cpio
  run rocker_image import t.cpio dialect
  assert_success
  diff <(listing tree | sed 's/\.[0-9]* / /') <(listing "$(rocker_image path dialect)" | sed 's/\.[0-9]* / /')
  # 200 components of one name, and one component of 255 bytes
  long=$(printf 'directory/%.0s' {1..60})$(printf 'n%.0s' {1..255})
  mkdir -p "tree/${long%/*}" && echo long >"tree/$long"
  for format in gnu pax; do
    tar --format=$format -cf t.tar -C tree .
    run rocker_image import t.tar dialect
    assert_success
    assert_equal "$(cat "$(rocker_image path dialect)/$long")" long
  done
}

@test 'sparse files keep their holes, by every version of the format' {
  mkdir tree
  truncate -s 40M tree/sparse
  printf middle | dd of=tree/sparse bs=1 seek=20000000 conv=notrunc status=none
  local format
  for format in --format=gnu '--format=pax --sparse-version=0.0' '--format=pax --sparse-version=0.1' \
    '--format=pax --sparse-version=1.0'; do
    # shellcheck disable=SC2086
    tar -S $format -cf t.tar -C tree .
    run rocker_image import t.tar sparse
    assert_success
    root=$(rocker_image path sparse)
    cmp tree/sparse "$root/sparse"
    assert [ "$(stat -c %b "$root/sparse")" -lt 2048 ]
  done
}

@test 'a pipe, and standard input by its name' {
  small_tree
  tar --format=pax -czf t.tgz -C tree .
  # shellcheck disable=SC2016
  run bash -c 'cat t.tgz | "$0" import - piped' "$ROCKER_IMAGE"
  assert_success
  mkfifo in
  cat t.tgz >in &
  run rocker_image import in piped
  assert_success
  diff <(listing tree) <(listing "$(rocker_image path piped)")
}

@test 'the umask of the caller and its locale play no part' {
  small_tree
  mkdir "tree/$(printf 'caf\303\251')" "tree/$(printf 'bad\377')"
  tar --format=pax -cf t.tar -C tree .
  run bash -c 'umask 077; LC_ALL=C "$0" import t.tar u' "$ROCKER_IMAGE"
  assert_success
  diff <(listing tree) <(listing "$(rocker_image path u)")
}

@test 'importing again replaces the image' {
  small_tree
  tar --format=pax -cf t.tar -C tree .
  rocker_image import t.tar again
  echo new >tree/etc/motd
  rm tree/bin/tool
  tar --format=pax -cf t.tar -C tree .
  run rocker_image import t.tar again
  assert_success
  diff <(listing tree) <(listing "$(rocker_image path again)")
  assert_equal "$(rocker_image list | wc -l)" 2
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}

@test 'what is no archive is refused in one line, and the store stays as it was' {
  small_tree
  tar --format=pax -cf t.tar -C tree .
  rocker_image import t.tar keep
  before=$(listing "$(rocker_image path keep)")
  : >empty
  head -c 1M /dev/zero >zeros
  printf '\377\330\377\340\000\020JFIF' >picture.tar
  printf 'just text, long enough for a header %600s' x >text
  printf '%s' '<!DOCTYPE html>' >page
  gzip -c empty >empty.gz
  local file
  for file in empty zeros picture.tar text page empty.gz missing "$ROCKER_ROOT"; do
    run --separate-stderr rocker_image import "$file" keep
    assert_failure 1
    assert_one_error_line 'Import failed'
    assert_equal "$(listing "$(rocker_image path keep)")" "$before"
    assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  done
  run --separate-stderr rocker_image import picture.tar keep
  assert_one_error_line 'JPEG'
}

@test 'truncated and damaged streams are refused, whatever compressed them' {
  small_tree
  head -c 300000 /dev/urandom >tree/random
  tar --format=pax -cf t.tar -C tree .
  local tool size
  for tool in cat gzip bzip2 xz zstd lz4; do
    command -v "$tool" >/dev/null || continue
    local options=()
    [[ $tool != zstd ]] || options=(--check)
    "$tool" "${options[@]}" <t.tar >whole
    size=$(stat -c %s whole)
    head -c $((size / 2)) whole >cut
    run --separate-stderr rocker_image import cut broken
    assert_failure 1
    assert_one_error_line 'Import failed: cut'
    head -c $((size - 3)) whole >cut
    [[ $tool = cat ]] || {
      run --separate-stderr rocker_image import cut broken
      assert_failure 1
      assert_one_error_line 'Import failed: cut'
      # One bit in the middle of the content that can't be compressed.
      cp whole flipped
      printf '\001' | dd of=flipped bs=1 seek=$((size / 2)) conv=notrunc status=none
      cmp -s whole flipped && printf '\002' | dd of=flipped bs=1 seek=$((size / 2)) conv=notrunc status=none
      run --separate-stderr rocker_image import flipped broken
      assert_failure 1
      assert_one_error_line 'Import failed: flipped'
    }
    assert [ ! -e "$ROCKER_ROOT/images/broken" ]
    assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  done
}

@test 'a tar that was cut between two entries is not taken for a whole one' {
  { tar_entry name=a content=1; tar_entry name=b content=2; } >cut.tar
  run --separate-stderr rocker_image import cut.tar cut
  assert_failure 1
  assert_one_error_line 'cut short'
  run rocker_image import --no-end-marker cut.tar cut
  assert_success
}

@test 'garbage behind the end of a compressed stream is not passed over' {
  small_tree
  tar --format=pax -czf t.tgz -C tree .
  { cat t.tgz; echo garbage; } >trailing
  run --separate-stderr rocker_image import trailing t
  assert_failure 1
  assert_one_error_line 'garbage behind'
  # Zeros are what a tape pads with.
  { cat t.tgz; head -c 512 /dev/zero; } >padded
  run rocker_image import padded t
  assert_success
}

@test 'names are checked before anything is written' {
  small_tree
  tar --format=pax -cf t.tar -C tree .
  local name
  for name in . .. a//b A a: a/../b 'a b' /a; do
    run --separate-stderr rocker_image import t.tar "$name"
    assert_failure 1
    assert_one_error_line 'is not the name of an image'
  done
  assert [ ! -e "$ROCKER_ROOT" ]
}

@test 'a:b and a/b:c are two images' {
  small_tree
  tar --format=pax -cf t.tar -C tree .
  rocker_image import t.tar a:b
  rocker_image import t.tar a/b:c
  assert_equal "$(rocker_image path a:b)" "$ROCKER_ROOT/images/a/b/rootfs"
  assert_equal "$(rocker_image path a/b:c)" "$ROCKER_ROOT/images/a%2Fb/c/rootfs"
  rocker_image rm a:b
  run rocker_image path a/b:c
  assert_success
}

@test '--strip-components and --exclude work as in tar' {
  small_tree
  mkdir wrap
  mv tree wrap/tree
  tar --format=pax -cf t.tar -C wrap tree
  run rocker_image import --strip-components 1 t.tar s
  assert_success
  diff <(listing wrap/tree) <(listing "$(rocker_image path s)")
  run rocker_image import --strip-components 1 --exclude 'etc/motd*' --exclude locked t.tar s
  assert_success
  root=$(rocker_image path s)
  assert [ ! -e "$root/etc/motd" ]
  assert [ ! -e "$root/locked" ]
  assert [ -d "$root/etc" ]
}

@test 'a folder that holds the store is imported without it, and without what is mounted below' {
  mkdir -p host/etc host/mnt
  echo one >host/etc/motd
  export ROCKER_ROOT=$PWD/host/store
  mount -t tmpfs tmpfs host/mnt
  echo two >host/mnt/other
  run -0 timeout 20 "$ROCKER_IMAGE" import host whole
  umount host/mnt
  root=$(rocker_image path whole)
  assert_equal "$(cat "$root/etc/motd")" one
  assert_not_exist "$root/store"
  assert_dir_exist "$root/mnt"
  assert_not_exist "$root/mnt/other"
  run ! timeout 20 "$ROCKER_IMAGE" import host/store itself
  assert_output --partial 'is the store itself'
}

@test 'bind mounts below a folder are left out, of folders and of single files, and counted' {
  mkdir -p host/etc host/mnt other
  echo one >host/etc/motd
  echo host >other/secret
  touch host/etc/resolv.conf
  mount --bind other host/mnt
  mount --bind other/secret host/etc/resolv.conf
  run --separate-stderr rocker_image import host x
  umount host/mnt host/etc/resolv.conf
  assert_success
  [[ $stderr = *'left out or changed: 2 mounts (what is mounted is no part of the folder)' ]]
  assert_equal "$(cd "$(rocker_image path x)" && find . | sort | xargs)" '. ./etc ./etc/motd ./mnt'
  # A folder that is mounted itself is one.
  mkdir top
  mount --bind host top
  run --separate-stderr rocker_image import top y
  umount top
  assert_success
  assert_equal "$stderr" ''
  assert_equal "$(cat "$(rocker_image path y)/etc/motd")" one
}

@test 'more files than are kept in memory: each has its own digest in the manifest' {
  mkdir tree
  # Two of them differ, one is the last that was made.
  (cd tree && seq 75000 | xargs touch && echo a >1 && echo z >75000)
  tar -cf t.tar -C tree .
  rocker_image import t.tar many
  manifest=$ROCKER_ROOT/images/many/latest/manifest
  assert_equal "$(grep -c sha256digest "$manifest")" 75000
  assert_equal "$(sed -n 's/.*sha256digest=//p' "$manifest" | sort | uniq -c | awk '{ print $1 }' | sort -n | xargs)" '1 1 74998'
  for file in 1 75000; do
    grep -q "^\./$file .*sha256digest=$(sha256sum "tree/$file" | cut -d' ' -f1)\$" "$manifest"
  done
  assert_equal "$(ls -A "$ROCKER_ROOT/images/many/latest" | xargs)" 'image.json manifest rootfs'
}

# What the disk says of a store's regular files, in the words of the manifest.
files_on_disk() { # ROOTFS
  (cd "$1" && find . -type f | sort >../files && xargs -d '\n' stat -c '%n %a %u %g %s %.9Y' <../files |
    awk '{ split($6, t, "."); printf "%s type=file mode=%04d uid=%d gid=%d size=%d time=%d.%d\n", $1, $2, $3, $4, $5, t[1], t[2] }' |
    paste -d ' ' - <(xargs -d '\n' sha256sum <../files | sed 's/^/sha256digest=/; s/ .*//') | sort)
}

@test 'the manifest and the disk usage are what the disk has, on any file system' {
  needs overlay
  local i place folder usage slack
  # So many that whoever reads the archive writes some of them himself.
  mkdir -p tree/{a,b,c,d} tmpfs over
  seq 1500 | split -l 1 -a 3 - tree/c/
  seq 1501 3000 | split -l 1 -a 3 - tree/d/
  for i in {1..20}; do
    printf "%${i}s" '' >"tree/a/$i"
    touch -d "@$((i * 1000000)).12300$i" "tree/a/$i"
  done
  chmod 4711 tree/a/1
  chmod 000 tree/a/2
  chown 1234:4321 tree/a/3
  chmod 2755 tree/a/3
  for i in a b c d; do head -c 3M /dev/urandom >tree/$i/large; done
  truncate -s 1M tree/b/hole
  ln tree/a/4 tree/b/linked
  ln tree/a/6 tree/b/six
  # Some in the inode, most in a block of its own.
  setfattr -n trusted.small -v 1 tree/c
  for i in {1..10}; do
    mkdir "tree/x$i"
    setfattr -n trusted.large -v "$(printf '%2000s' "$i")" "tree/x$i"
  done
  tar -cf t.tar --format=posix --sparse --xattrs --xattrs-include="*" -C tree .
  # The later one of a name counts, and what has another name stays.
  echo later >tree/a/4
  echo other >tree/a/5
  tar -rf t.tar --format=posix -C tree ./a/4 ./a/5 ./b/large
  mount -t tmpfs tmpfs tmpfs
  mkdir -p tmpfs/{store,lower/store,upper,work} disk lower2
  mount -t tmpfs tmpfs lower2
  mount -t overlay -o "xino=off,lowerdir=$PWD/lower2:$PWD/tmpfs/lower,upperdir=$PWD/tmpfs/upper,workdir=$PWD/tmpfs/work" overlay over
  for place in disk tmpfs/store over/store; do
    rocker_image --root "$PWD/$place" import t.tar x
    rocker_image --root "$PWD/$place" import --no-manifest t.tar y
    folder=$PWD/$place/images/x/latest
    sed 's/ tags=.*//' "$folder/manifest" | grep type=file | sort | diff - <(files_on_disk "$folder/rootfs")
    for folder in "$folder" "$PWD/$place/images/y/latest"; do
      usage=$(find "$folder/rootfs" -printf '%i %b\n' | sort -u | awk '{ n += $2 } END { print n * 512 }')
      # Where a large file is in many pieces, a disk keeps a list of them, which it makes last of all.
      slack=0
      [[ $place != disk ]] || slack=16384
      assert_json ".disk_usage | . <= $usage and . >= $usage - $slack" true "$folder/image.json"
      assert_json .size "$(find "$folder/rootfs" ! -type d -printf '%s\n' | awk '{ n += $1 } END { print n }')" "$folder/image.json"
    done
  done
  umount over tmpfs lower2
}

@test 'a folder of several file systems: hard links are those of one' {
  mkdir one two all
  mount -t tmpfs tmpfs one
  mount -t tmpfs tmpfs two
  echo AAA >one/x
  ln one/x one/x2
  echo BBBBBB >two/y
  ln two/y two/y2
  assert_equal "$(stat -c %i one/x)" "$(stat -c %i two/y)"
  mount -t overlay -o "xino=off,lowerdir=$PWD/one:$PWD/two" overlay all || skip 'needs overlayfs'
  import_ok all
  umount all one two
  assert_equal "$(cat "$root/x" "$root/x2" "$root/y" "$root/y2" | xargs)" 'AAA AAA BBBBBB BBBBBB'
  assert [ "$root/y" -ef "$root/y2" ]
}

@test 'root that may not own everything: it owns what it may, and says so once' {
  mkdir tree
  echo 1 >tree/mine
  echo 2 >tree/other
  chown 1000:1000 tree/other
  chown 70000:0 tree
  tar -cf t.tar -C tree .
  run --separate-stderr unshare -Ur "$ROCKER_IMAGE" --root "$PWD/s1" import t.tar x
  assert_success
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *'2 owners (they are this user'"'"'s)'* ]]
  assert_equal "$(stat -c %u s1/images/x/latest/rootfs/other s1/images/x/latest/rootfs | xargs)" '0 0'
  rocker_image --root "$PWD/s1" verify x
  run --separate-stderr setpriv --bounding-set=-chown --inh-caps=-chown "$ROCKER_IMAGE" --root "$PWD/s2" import t.tar x
  assert_success
  [[ $stderr == *'2 owners (they are this user'"'"'s)'* ]]
}

@test 'nobody reads the progress, and a limit on the size of files' {
  mkdir tree
  local i
  for i in {1..40}; do head -c 1M /dev/urandom >"tree/$i"; done
  tar -cf t.tar -C tree .
  # Slowly enough for several lines of progress; whoever reads them leaves at once.
  local status=0
  { for i in {0..7}; do dd if=t.tar bs=5M skip="$i" count=2 status=none | head -c 5M && sleep 0.3; done
    tail -c +41943041 t.tar; } | rocker_image import --progress=plain - x 2> >(exec true) || status=$?
  assert_equal "$status" 0
  rocker_image verify x
  run --separate-stderr bash -c "ulimit -f 512; exec $ROCKER_IMAGE import t.tar y"
  assert_failure 1
  assert_one_error_line 'file too large'
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}

@test 'an interrupt while nobody writes to the FIFO' {
  mkfifo fifo
  run -130 timeout --preserve-status -s INT 1 "$ROCKER_IMAGE" import fifo x
  assert_output --partial 'interrupted'
}
