#!/usr/bin/env bats
# import of headers that are wrong, odd or none at all, made byte by byte: names with NUL, numbers that no file system
# has, extended attributes, sockets; and of what is no archive, which is refused by its name.
load helpers
load tar

listing() { (cd "$root" && find . -mindepth 1 -printf '%p\n' | sort | xargs); }

@test 'a NUL ends a name, in ustar, pax and GNU headers, as for tar itself' {
  {
    tar_pax_bytes path 'pax\000/../../../evil'
    tar_entry name=x content=1
    printf 'gnu\000/../../../evil' >long
    tar_entry name=././@LongLink type=L magic='ustar  \000' file=long
    tar_entry name=x content=2 magic='ustar  \000'
    tar_pax_bytes linkpath 'target\000evil'
    tar_entry name=link type=2 link=x
    tar_end
  } >t.tar
  # Within the field of a ustar header, behind the end of the name.
  { tar_entry name=ustar content=3; tar_end; } >u.tar
  printf 'evil' | dd of=u.tar bs=1 seek=6 conv=notrunc status=none
  sum=$({ head -c 148 u.tar; printf '        '; tail -c +157 u.tar | head -c 356; } | od -An -v -tu1 |
    awk '{ for (i = 1; i <= NF; i++) s += $i } END { print s }')
  printf '%06o\000 ' "$sum" | dd of=u.tar bs=1 seek=148 conv=notrunc status=none
  import_ok t.tar
  assert_equal "$(listing)" './gnu ./link ./pax'
  assert_equal "$(readlink "$root/link")" target
  import_ok u.tar
  assert_equal "$(listing)" ./ustar
}

@test 'a NUL in the value of an attribute is a byte like any other' {
  { tar_pax_bytes SCHILY.xattr.user.bytes 'a\000b'; tar_entry name=f content=1; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(getfattr --only-values -n user.bytes "$root/f" | od -An -tx1 | xargs)" '61 00 62'
}

@test 'a pax header that can not be read is refused, and not passed over' {
  local record
  for record in '30 path=short\n' 'x path=name\n' '13 path=n\n' '0 path=name\n' '99999999999999999999 path=n\n'; do
    # shellcheck disable=SC2059
    printf "$record" >record
    { tar_entry name=first content=0; tar_entry name=PaxHeaders/x type=x file=record; tar_entry name=x content=1; tar_end; } >t.tar
    refused t.tar 'behind entry "first": '
  done
  # More than libarchive reads of one record, and would leave out.
  head -c 1100K /dev/zero | tr '\0' a >comment
  { tar_entry name=first content=0; { printf '1126417 comment='; cat comment; echo; } >record
    tar_entry name=PaxHeaders/x type=x file=record; tar_entry name=x content=1; tar_end; } >t.tar
  refused t.tar 'behind entry "first": '
  { tar_entry name=first content=0; tar_pax SCHILY.acl.access nonsense; tar_entry name=x content=1; tar_end; } >t.tar
  refused t.tar 'SCHILY.acl.access'
}

@test 'components of 4096 bytes are refused, wherever they stand' {
  local long
  long=$(head -c 4096 /dev/zero | tr '\0' n)
  { tar_pax path "$long"; tar_entry name=x content=1; tar_end; } >t.tar
  refused t.tar 'has 4096 bytes, at most 255'
  printf %s "d/$long" >name
  { tar_entry name=././@LongLink type=L magic='ustar  \000' file=name; tar_entry name=x magic='ustar  \000'; tar_end; } >t.tar
  refused t.tar 'has 4096 bytes, at most 255'
  { tar_entry name=a content=1; tar_pax linkpath "$long"; tar_entry name=x type=1 link=a; tar_end; } >t.tar
  refused t.tar 'has 4096 bytes, at most 255'
  { tar_pax linkpath "$long"; tar_entry name=x type=2 link=a; tar_end; } >t.tar
  refused t.tar 'file name too long'
  # The longest target that a link can have.
  { tar_pax linkpath "${long:1}"; tar_entry name=x type=2 link=a; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(readlink -n "$root/x" | wc -c)" 4095
}

@test 'a header of many megabytes is not read into memory' {
  head -c 17M /dev/zero | tr '\0' a >huge
  { tar_entry name=a content=1; tar_entry name=././@LongLink type=L magic='ustar  \000' file=huge; tar_entry name=x; tar_end; } >t.tar
  refused t.tar 'large'
}

sparse_entry() { # ROWS [SIZE]: a file with a map of that many rows of four bytes, in GNU's format 1.0
  local size=${2:-1}
  { echo "$1"; yes 0 | head -n $((2 * $1)); } >map
  truncate -s %512 map
  printf '22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n26 GNU.sparse.name=sparse\n%d GNU.sparse.realsize=%s\n' \
    $((24 + ${#size})) "$size" >record
  tar_entry name=PaxHeaders/x type=x file=record
  tar_entry name=x file=map
}

@test 'a map of a sparse file that is not read into memory, also of what begins like a layout' {
  local first
  for first in etc manifest.json; do
    { tar_entry name=$first content=x; sparse_entry 600000; tar_end; } >t.tar
    refused t.tar 'a header is larger than 2 MiB'
    # What a sparse file has in the archive is less than its size.
    { tar_entry name=$first content=x; sparse_entry 1 100000000; sparse_entry 600000; tar_end; } >t.tar
    refused t.tar 'a header is larger than 2 MiB'
    { tar_entry name=$first content=x; sparse_entry 400000; tar_end; } >t.tar
    import_ok t.tar
    assert_equal "$(stat -c %s "$root/sparse")" 1
    rocker_image rm x
  done
}

@test 'sizes, owners and times that no file system has' {
  local size
  for size in -5 99999999999999999999999 9223372036854775807; do
    { tar_pax size "$size"; tar_entry name=a content=1; tar_end; } >t.tar
    refused t.tar 'Import failed: t.tar: '
  done
  { tar_pax uid -5; tar_entry name=a content=1; tar_end; } >t.tar
  refused t.tar 'uid is -5'
  { tar_pax mtime 99999999999999999999; tar_entry name=a content=1
    tar_pax mtime -99999999999999999999.5; tar_entry name=b content=1
    tar_pax mtime 9223372036854775807; tar_entry name=c/ type=5 mode=755
    tar_pax mtime -1.5; tar_entry name=d/ type=5 mode=755
    tar_entry name=e mtime='=\200\377\377\377\377\377\377\377\377\377\377\377'; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(listing)" './a ./b ./c ./d ./e'
  # What the file system has made of them is what the manifest has.
  run rocker_image verify x
  assert_success
}

@test 'links without a target are refused' {
  { tar_entry name=a type=2 link=''; tar_end; } >t.tar
  refused t.tar 'symbolic link without a target'
  { tar_entry name=a content=1; tar_entry name=b type=1 link=''; tar_end; } >t.tar
  refused t.tar 'hard link without a target'
}

@test 'a name that is empty or only dots is the root, and a file can not be that' {
  local name
  for name in '' . ././. a/..; do
    { tar_entry name="$name" content=1; tar_end; } >t.tar
    refused t.tar 'is the root'
  done
}

@test 'types that POSIX does not know are files' {
  { tar_entry name=a type=Z content=1; tar_entry name=b type=7 content=2; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cat "$root/a" "$root/b")" 12
}

@test 'security.selinux, also by the name that GNU tar gives it; unknown attributes are counted' {
  { tar_pax SCHILY.xattr.security.selinux system_u:object_r:bin_t:s0; tar_entry name=a content=1
    tar_pax RHT.security.selinux system_u:object_r:lib_t:s0; tar_entry name=b content=1; tar_end; } >t.tar
  import_ok t.tar
  # A machine whose policy does not know the label may refuse it; then it is said.
  if [[ -z $stderr ]]; then
    assert_equal "$(getfattr --only-values -n security.selinux "$root/a" | tr -d '\0')" system_u:object_r:bin_t:s0
    assert_equal "$(getfattr --only-values -n security.selinux "$root/b" | tr -d '\0')" system_u:object_r:lib_t:s0
  else
    [[ $stderr == *'2 xattrs (not'* ]]
  fi
  { tar_pax SCHILY.xattr.nonsense y; tar_entry name=a content=1; tar_pax SCHILY.xattr.system.nonsense y
    tar_entry name=b content=1; tar_end; } >t.tar
  import_ok t.tar
  # shellcheck disable=SC2154  # set by run
  assert_equal "${#stderr_lines[@]}" 1
  [[ $stderr == *'2 xattrs (not'* ]]
}

@test 'security.capability by its bytes, and overlayfs attributes by every name that tars have for them' {
  # Version 2, effective: CAP_NET_RAW permitted.
  { tar_pax_bytes SCHILY.xattr.security.capability '\001\000\000\002\000\040\000\000\000\000\000\000\000\000\000\000\000\000\000\000'
    tar_entry name=ping content=1 mode=755 uid=0000005
    tar_pax LIBARCHIVE.xattr.trusted.overlay.opaque eQ==; tar_entry name=d/ type=5 mode=755
    tar_pax SCHILY.xattr.user.overlay.opaque y; tar_entry name=e/ type=5 mode=755
    tar_pax SCHILY.xattr.trusted.overlay.metacopy ''; tar_entry name=f
    tar_pax SCHILY.xattr.trusted.overlay.redirect /etc; tar_entry name=g type=2 link=f; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(getfattr --only-values -n security.capability "$root/ping" | od -An -v -tx1 | xargs)" \
    '01 00 00 02 00 20 00 00 00 00 00 00 00 00 00 00 00 00 00 00'
  assert_equal "$(getfattr -h -m overlay -d "$root/d" "$root/e" "$root/f" "$root/g")" ''
  [[ $stderr == *'4 overlay xattrs'* ]]
}

cpio_entry() { # NAME MODE [CONTENT [INODE]]: the old portable format; an inode that is given has several names
  local content=${3-} inode=${4:-$((RANDOM + 1))} links=1
  [[ -z ${4-} ]] || links=2
  printf '070707%06o%06o%06o%06o%06o%06o%06o%011o%06o%011o%s\0%s' 1 "$inode" "$((8#$2))" 0 0 $links 0 1000000000 \
    "$((${#1} + 1))" "${#content}" "$1" "$content"
}

@test 'a socket, which cpio has and tar has not' {
  { cpio_entry run 0040755; cpio_entry run/socket 0140600; cpio_entry ../out 0100644 x; cpio_entry 'TRAILER!!!' 0; } >t.cpio
  refused t.cpio 'leads out of the root'
  { cpio_entry run 0040755; cpio_entry run/socket 0140600; cpio_entry run/file 0100644 x; cpio_entry 'TRAILER!!!' 0; } >t.cpio
  import_ok t.cpio
  assert_equal "$(stat -c '%F %a' "$root/run/socket")" 'socket 600'
  assert_equal "$(cat "$root/run/file")" x
  run rocker_image verify x
  assert_success
  # What tar can't say is left out.
  rocker_image export x -o out.tar
  assert_equal "$(tar -tf out.tar | sort | xargs)" './ run/ run/file'
}

@test 'content for a hard link is written to a file, never to a device, a FIFO or through a link' {
  local mode
  for mode in 0060600 0010600; do
    { cpio_entry node $mode '' 7; cpio_entry again 0100644 overwritten 7; cpio_entry 'TRAILER!!!' 0; } >t.cpio
    run --separate-stderr timeout -s KILL 20 "$ROCKER_IMAGE" import t.cpio x
    assert_failure 1
    assert_one_error_line 'entry "again": has content, but is a hard link to what is no regular file'
    assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  done
  echo precious >victim
  { cpio_entry node 0120777 "$TEST_DIR/victim" 7; cpio_entry again 0100644 overwritten 7; cpio_entry 'TRAILER!!!' 0; } >t.cpio
  refused t.cpio 'entry "again"'
  assert_equal "$(cat victim)" precious
  { cpio_entry one 0100644 '' 7; cpio_entry two 0100644 content 7; cpio_entry 'TRAILER!!!' 0; } >t.cpio
  import_ok t.cpio
  assert_equal "$(cat "$root/one")" content
}

@test 'content for a hard link takes the place of all that the file had' {
  local long
  long=$(printf 'A%.0s' {1..600})
  # The pax header is what makes libarchive take the content of a hard link for one.
  { tar_pax comment x; tar_entry name=a content="$long"; tar_pax comment x
    tar_entry name=b type=1 link=a content=BBBBBBBBBB; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(cat "$root/a")" BBBBBBBBBB
  assert_equal "$(stat -c %i "$root/a")" "$(stat -c %i "$root/b")"
  run rocker_image verify x
  assert_success
}

@test 'a root file system with a FIFO or a device where a layout has its files is one all the same' {
  { tar_entry name=oci-layout type=6; tar_entry name=manifest.json type=3 major=0000001 minor=0000005
    tar_entry name=index.json/ type=5; tar_entry name=bin/ type=5 mode=755; tar_end; } >t.tar
  run --separate-stderr timeout -s KILL 20 "$ROCKER_IMAGE" import t.tar x
  assert_success
  assert [ -p "$(rocker_image path x)/oci-layout" ]
}

@test 'sparse maps that overlap, run backwards or lead beyond the file' {
  local map
  for map in '0,5,2,5' '5,2,0,2' '0,1,99999999999999999999,1' '-5,2' '0,99999999999999999999' '1,2,3' 'x,y' '15,10'; do
    { tar_pax GNU.sparse.map "$map"; tar_pax GNU.sparse.size 20; tar_entry name=a content=0123456789; tar_end; } >t.tar
    run --separate-stderr timeout -s KILL 20 "$ROCKER_IMAGE" import t.tar x
    # Refused or made sense of, but never beyond its size, never a crash.
    case $status in
      0) assert [ "$(stat -c %s "$(rocker_image path x)/a")" -le 20 ] ;;
      1) assert_equal "${#stderr_lines[@]}" 1 ;;
      *) fail "$map: status $status" ;;
    esac
  done
}

# ---- what is no archive

@test 'images of file systems and other archives are refused by name, also compressed' {
  local offset bytes name
  while IFS='|' read -r offset bytes name; do
    head -c 64K /dev/zero >image
    # shellcheck disable=SC2059
    printf "$bytes" | dd of=image bs=1 seek="$offset" conv=notrunc status=none
    refused image "$name"
    gzip -c image >image.gz
    refused image.gz "$name"
  done <<'END'
0|hsqs|squashfs
1024|\342\341\365\340|EROFS
1080|\123\357|ext4
0|XFSB|XFS
32769|CD001|ISO 9660
0|QFI\373|qcow2
0|PK\003\004|zip
END
}

@test 'a squashfs and an EROFS image by their own tools' {
  mkdir tree
  echo x >tree/f
  command -v mksquashfs >/dev/null || command -v mkfs.erofs >/dev/null || skip 'needs mksquashfs or mkfs.erofs'
  if command -v mksquashfs >/dev/null; then
    mksquashfs tree t.squashfs -quiet -no-progress >/dev/null
    refused t.squashfs squashfs
  fi
  if command -v mkfs.erofs >/dev/null; then
    mkfs.erofs t.erofs tree >/dev/null 2>&1
    refused t.erofs EROFS
  fi
}

@test 'compressions that take a program are refused by name, and no program is run' {
  mkdir bin
  local tool
  for tool in lzop lrzip grzip uudecode rpm2cpio zcat; do
    printf '#!/bin/sh\ntouch %q/was-run\n' "$TEST_DIR" >"bin/$tool"
    chmod +x "bin/$tool"
  done
  PATH=$TEST_DIR/bin:$PATH
  local bytes name
  while IFS='|' read -r bytes name; do
    # shellcheck disable=SC2059
    { printf "$bytes"; head -c 2000 /dev/urandom; } >archive
    refused archive "$name"
  done <<'END'
\211LZO\000\r\n\032\n|lzop
LRZI\000\006|lrzip
GRZipII\000\002\004:)|grzip
begin 644 t.tar\n|uuencoded
begin-base64 644 t.tar\n|base64
\355\253\356\333\003\000|RPM
END
  assert [ ! -e was-run ]
}

@test 'lzip and compress are decoded without a program, and their damage is seen' {
  { tar_entry name=a content="$(seq 2000)"; tar_end; } >t.tar
  local tool size any=
  for tool in lzip compress; do
    command -v "$tool" >/dev/null || continue
    any=yes
    "$tool" -c t.tar >t.z
    PATH='' "$ROCKER_IMAGE" import t.z x
    root=$(rocker_image path x)
    assert_equal "$(cat "$root/a")" "$(seq 2000)"
    assert_json '.[0].source.diff_ids[0]' "\"sha256:$(sha256sum t.tar | cut -d' ' -f1)\"" <(rocker_image inspect x)
    rocker_image rm x
    size=$(stat -c %s t.z)
    head -c $((size / 2)) t.z >cut.z
    refused cut.z 'Import failed: cut.z: '
  done
  [[ -n $any ]] || skip 'needs lzip or compress'
}

@test 'a plain tar whose first name begins like a compressed stream is a tar' {
  # Four letters and nothing else of an lzip stream.
  echo 'LZIP is a program' >text
  refused text 'is not a tar or cpio archive'
  local name
  for name in LZIP.txt $'LZIP\001\024' $'\037\235\220' $'\037\213\010' BZh91AY\&SY $'\050\265\057\375' $'\004\042\115\030' \
    $'\3757zXZ'; do
    { tar_entry name="$name" content=x; tar_end; } >t.tar
    import_ok t.tar
    assert_equal "$(cat "$root/$name")" x
  done
}
