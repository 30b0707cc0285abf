#!/usr/bin/env bats
# --userns: users of a container's own, on files that belong to root on the disk.
load helpers

setup() {
  setup_test
  needs overlay
  needs userns
  needs kernel 5.19
  needs command conmon
  idmappable "$TEST_DIR" || skip "needs a file system with idmapped mounts below $TEST_DIR"
  import_busybox
}

# Asked with a bind mount, which is idmapped by the runtime alone.
idmappable() { # DIRECTORY
  # shellcheck disable=SC2016
  make_bundle probe '.process.args = ["true"] | .mounts += [{destination: "/mnt", source: $dir, options: ["bind", "idmap"],
    uidMappings: [{containerID: 0, hostID: 1000, size: 1}], gidMappings: [{containerID: 0, hostID: 1000, size: 1}]}]' --arg dir "$1"
  local said
  said=$(rocker_runc run --bundle probe "$(new_id probe)" 2>&1) || :
  rm -rf probe
  [[ $said != *'does not support idmapped mounts'* ]]
}

inside() { run --separate-stderr timeout -s KILL 30 "$ROCKER" run --rm "$@" </dev/null; }
mine() { inside --userns private "$@"; } # its options go first
start_one() { # NAME OPTION...
  rocker run -d --name "$TEST_TAG-$1" "${@:2}" busybox sleep 1000 >/dev/null
}
pid_of() { rocker inspect --format '{{.State.Pid}}' "$TEST_TAG-$1"; }
folder_of() { rocker inspect --format '{{.Bundle}}' "$TEST_TAG-$1"; }
first_of() { awk 'NR == 1 { print $2 }' "/proc/$(pid_of "$1")/uid_map"; }
user_namespace() { readlink "/proc/$1/ns/user"; }

@test "private: root inside is nobody outside, and what it makes is root's on the disk" {
  # shellcheck disable=SC2016
  rocker run -d --name "$TEST_TAG-a" --userns private busybox sh -c \
    'id -u; touch /made; mkdir -m 700 /dir; touch /dir/five; chown 5:6 /dir/five; chown 0:0 /bin/vi; touch /done; exec sleep 1000' >/dev/null
  wait_until 10 test -e "$(folder_of a)/overlay/upper/done"
  local first upper
  first=$(first_of a) upper=$(folder_of a)/overlay/upper
  ((first >= 524288 && first % 65536 == 0)) || grep -qE '^(rocker|containers):' /etc/subuid
  assert_equal "$(awk '{ print $1, $2, $3 }' "/proc/$(pid_of a)/uid_map" "/proc/$(pid_of a)/gid_map")" \
    "0 $first 65536"$'\n'"0 $first 65536"
  # The process is a user's outside who is none; /proc/PID/status is the host's view.
  assert_equal "$(awk '/^[UG]id:/ { print $2 }' "/proc/$(pid_of a)/status")" "$first"$'\n'"$first"
  [[ $(user_namespace "$(pid_of a)") != $(user_namespace self) ]]
  run -0 rocker logs "$TEST_TAG-a"
  assert_output 0
  assert_equal "$(stat -c '%n %u:%g' "$upper"/made "$upper"/dir "$upper"/dir/five "$upper"/bin/vi)" \
    "$upper/made 0:0"$'\n'"$upper/dir 0:0"$'\n'"$upper/dir/five 5:6"$'\n'"$upper/bin/vi 0:0"
  # From the host the mounted root shows whose it is there.
  assert_equal "$(stat -c %u "$(folder_of a)/rootfs/made")" "$first"
  assert_equal "$(stat -c %u "$(folder_of a)/rootfs/dir/five")" "$((first + 5))"
}

@test "private: /etc/hosts and its like, /proc, /dev and a volume are there as usual" {
  mine -h here -v "$TEST_TAG:/vol" --tmpfs /t busybox sh -c 'cat /etc/hostname; echo 10.0.0.1 other >>/etc/hosts && tail -n 1 /etc/hosts
    stat -c "%n %u:%g" /etc/resolv.conf /vol /t /dev/shm /dev/pts/ptmx; touch /vol/made /t/made; echo x >/dev/null && ls /dev/mqueue && ls -d /proc/1'
  assert_success
  assert_line --index 0 here
  assert_line --index 1 '10.0.0.1 other'
  local path
  for path in /etc/resolv.conf /vol /t /dev/shm /dev/pts/ptmx; do assert_line "$path 0:0"; done
  assert_line /proc/1
  assert_equal "$(stat -c %u:%g "$ROCKER_ROOT/volumes/$TEST_TAG/_data/made")" 0:0
  # The next container, of another range, finds it as its own.
  mine -v "$TEST_TAG:/vol" busybox stat -c %u:%g /vol/made
  assert_output 0:0
  # And one with the host's users too.
  inside -v "$TEST_TAG:/vol" busybox stat -c %u:%g /vol/made
  assert_output 0:0
}

@test "private: two containers share no user, the range is kept, and is free after rm" {
  start_one a --userns private
  start_one b --userns auto
  local a b
  a=$(first_of a) b=$(first_of b)
  ((a + 65536 <= b || b + 65536 <= a))
  rocker restart -t 0 "$TEST_TAG-a" >/dev/null
  assert_equal "$(first_of a)" "$a"
  rocker stop -t 0 "$TEST_TAG-a" >/dev/null
  rocker start "$TEST_TAG-a" >/dev/null
  assert_equal "$(first_of a)" "$a"
  run -0 ls "$ROCKER_ROOT/ranges"
  assert_equal "${#lines[@]}" 2
  # A folder that somebody has removed by hand keeps nothing.
  rocker stop -t 0 "$TEST_TAG-b" >/dev/null
  rm -rf "$(folder_of b)"
  rocker rm -f "$TEST_TAG-a" >/dev/null
  run -0 ls "$ROCKER_ROOT/ranges"
  assert_output --regexp "^$b-"
  start_one c --userns private
  run -0 ls "$ROCKER_ROOT/ranges"
  assert_output --regexp "^$(first_of c)-[0-9a-f]*$"
}

@test "private: many at once have ranges of their own" {
  local i
  for i in 1 2 3 4 5 6; do rocker create --name "$TEST_TAG-$i" --userns private busybox true >/dev/null & done
  wait
  run -0 jq -rs '[.[].linux.uidMappings[0].hostID] | unique | length' "$ROCKER_ROOT"/containers/*/config.json
  assert_output 6
  run -0 ls "$ROCKER_ROOT/ranges"
  assert_equal "${#lines[@]}" 6
}

@test "private: the host's files are out of reach, and nothing that is made inside is a danger outside" {
  mkdir -m 777 host
  echo secret >host/secret
  chmod 600 host/secret
  echo public >host/public
  # shellcheck disable=SC2016
  mine --cap-add SYS_ADMIN --cap-add MKNOD --cap-add DAC_READ_SEARCH --cap-add SYS_PTRACE -v "$TEST_DIR/host:/h" busybox sh -c '
    stat -c %u /h/secret
    cat /h/secret; echo x >>/h/public; chown 0 /h/public; chmod 777 /h/secret; mknod /sda b 8 0; mknod /h/sda b 8 0
    mount -o remount,rw /sys; echo 1 >/proc/sys/kernel/panic; cp /bin/busybox /h/su; chmod 4755 /h/su; touch /h/mine'
  assert_output 65534
  [[ $stderr == *"can't open '/h/secret'"* && $stderr == *"can't create /h/public"* && $stderr == *'mknod: /sda: Operation not permitted'* ]]
  [[ $stderr == *"can't create /proc/sys/kernel/panic"* ]]
  assert_equal "$(cat host/secret host/public)" $'secret\npublic'
  assert_equal "$(stat -c '%u %a' host/secret)" '0 600'
  # What it leaves in a folder of the host's belongs to its own user.
  (($(stat -c %u host/su) >= 65536 && $(stat -c %u host/mine) >= 65536))
  # In the store it is root's, and nobody else gets there.
  start_one a --userns private -v "$TEST_TAG:/vol"
  # shellcheck disable=SC2016
  rocker exec "$TEST_TAG-a" sh -c 'for to in /su /vol/su; do cp /bin/busybox $to && chmod 4755 $to; done; cp /bin/busybox /etc/hosts; chmod 4755 /etc/hosts'
  local path
  for path in "$(folder_of a)/overlay/upper/su" "$(folder_of a)/etc/hosts" "$ROCKER_ROOT/volumes/$TEST_TAG/_data/su"; do
    assert_equal "$(stat -c '%u %a' "$path")" '0 4755'
    run ! setpriv --reuid 4321 --regid 4321 --clear-groups -- test -e "$path"
  done
}

@test "private: a device node of an image is none" {
  mkdir node
  cp -a "$(busybox_rootfs)/." node/
  mknod -m 666 node/zero c 1 5
  tar -C node -cf node.tar .
  rocker import node.tar node >/dev/null
  inside node head -c 1 /zero
  assert_success
  local rootfs
  for rootfs in overlay copy; do
    mine --rootfs "$rootfs" node head -c 1 /zero
    assert_failure
    [[ $stderr == *'Permission denied'* ]]
    # Those of /dev are the host's.
    mine --rootfs "$rootfs" node head -c 1 /dev/zero
    assert_success
  done
}

@test "private: host folders as they are, idmapped, or given away" {
  mkdir -m 755 host
  touch host/zero host/five
  chown 5:6 host/five
  mine -v "$TEST_DIR/host:/h:idmap" busybox sh -c 'stat -c "%n %u:%g" /h/zero /h/five; touch /h/new'
  assert_success
  assert_output $'/h/zero 0:0\n/h/five 5:6'
  assert_equal "$(stat -c %u:%g host/new)" 0:0
  mine --mount "type=bind,source=$TEST_DIR/host,target=/h,idmap" busybox stat -c %u:%g /h/five
  assert_output 5:6
  mine -u 7:8 -v "$TEST_DIR/host:/h:U" busybox sh -c 'stat -c %u:%g /h/five; touch /h/seven'
  assert_output 7:8
  (($(stat -c %u host/five) >= 65536 + 7))
  inside -v "$TEST_DIR/host:/h:idmap" busybox stat -c %u /h/new
  assert_output "$(stat -c %u host/new)"
  mine -v "$TEST_DIR/host:/h:idmap=uids=0-1-10" busybox true
  assert_equal "$status" 125
  assert_one_error_line 'idmap=uids=0-1-10'
}

@test "private: exec, cp, diff, export and commit see the numbers of the container" {
  start_one a --userns private
  local in=$TEST_TAG-a
  run -0 rocker exec "$in" id -u
  assert_output 0
  run -0 rocker exec -u 1000:1000 "$in" id -u
  assert_output 1000
  mkdir -p from/sub
  echo text >from/sub/file
  chown 7:8 from/sub/file
  ln -s /etc/passwd from/link
  rocker cp from "$in:/to"
  rocker cp -a from "$in:/owned"
  tar -C from -cf - . | rocker cp - "$in:/root"
  run -0 rocker exec "$in" stat -c '%n %u:%g' /to/sub/file /owned/sub/file /root/sub/file
  assert_output $'/to/sub/file 0:0\n/owned/sub/file 7:8\n/root/sub/file 7:8'
  rocker exec "$in" sh -c 'chown 9:9 /to/sub/file; chmod 600 /to/sub/file; rm /bin/vi'
  assert_equal "$(stat -c %u:%g "$(folder_of a)/overlay/upper/owned/sub/file")" 7:8
  # While it runs, and when it does not.
  local running
  for running in yes no; do
    run -0 rocker diff "$in"
    assert_line 'D /bin/vi'
    assert_line 'A /to/sub/file'
    rm -rf out out.tar
    rocker cp "$in:/to" out
    assert_equal "$(stat -c %u:%g out/sub/file)" 0:0
    assert_equal "$(readlink out/link)" /etc/passwd
    rm -rf out
    rocker cp -a "$in:/to/sub/." out
    assert_equal "$(stat -c %u:%g out/file) $(<out/file)" '9:9 text'
    run -0 bash -c "'$ROCKER' cp '$in:/to/sub/file' - | tar -tvf - --numeric-owner"
    assert_output --regexp '^-rw------- 9/9 +5 .* file$'
    rocker export -o out.tar "$in"
    run -0 tar -tvf out.tar --numeric-owner
    assert_line --regexp '^-rw------- 9/9 .* (\./)?to/sub/file$'
    assert_line --regexp '^drwx.* 0/0 .* (\./)?etc/$'
    refute_line --partial bin/vi
    rocker commit "$in" "committed:$running" >/dev/null
    assert_equal "$(stat -c '%u:%g %a' "$ROCKER_ROOT/images/committed/$running/rootfs/to/sub/file")" '9:9 600'
    assert_equal "$(stat -c %u:%g "$ROCKER_ROOT/images/committed/$running/rootfs/etc")" 0:0
    [[ $running = no ]] || rocker stop -t 0 "$in" >/dev/null
  done
  # Into one that is stopped, and its files are still there when it runs again.
  rocker cp from/sub/file "$in:/late"
  rocker start "$in" >/dev/null
  run -0 rocker exec "$in" stat -c '%n %u' /late /to/sub/file
  assert_output $'/late 0\n/to/sub/file 9'
  mine "committed:no" stat -c %u:%g /to/sub/file
  assert_output 9:9
  run ! rocker cp from "$in:/no/such/place"
  run ! rocker cp "$in:/no-such" out
}

@test "private: file capabilities and numbers beyond the range" {
  needs command setcap
  mkdir -p caps/bin
  cp -a "$(busybox_rootfs)/." caps/
  cp "$(busybox_rootfs)/bin/busybox" caps/cat
  setcap cap_chown=ep caps/cat
  echo text >caps/far
  chown 70000:70000 caps/far
  chmod 600 caps/far
  tar --xattrs --xattrs-include='*' -C caps -cf caps.tar .
  rocker import caps.tar caps >/dev/null
  rocker run -d --name "$TEST_TAG-a" --userns private --security-opt no-new-privileges=false caps sleep 1000 >/dev/null
  run -0 rocker exec -u 1000 "$TEST_TAG-a" /cat /proc/self/status
  assert_line --regexp '^CapEff:.*0001$'
  # Nobody's inside, and as it was on the disk.
  run ! rocker exec "$TEST_TAG-a" cat /far
  run -0 rocker exec "$TEST_TAG-a" stat -c %u /far
  assert_output 65534
  run -0 bash -c "'$ROCKER' export '$TEST_TAG-a' | tar -tvf - --numeric-owner"
  assert_line --regexp '^-rw------- 70000/70000 .* far$'
  rocker exec "$TEST_TAG-a" cp -a /cat /bin/cat2
  rocker commit "$TEST_TAG-a" committed >/dev/null
  run -0 getcap "$ROCKER_ROOT/images/committed/latest/rootfs/cat"
  assert_output --partial 'cap_chown=ep'
  assert_equal "$(stat -c %u "$ROCKER_ROOT/images/committed/latest/rootfs/far")" 70000
  run -0 rocker exec "$TEST_TAG-a" rm -f /far
}

@test "private: with the host's namespaces, and with all rights" {
  mine --pid host busybox sh -c 'grep -c . /proc/1/comm && [ -d /proc/'"$$"' ] && ls /proc/1/root'
  assert_output 1
  [[ $stderr == *'/proc/1/root: Permission denied'* ]]
  mine --network host busybox sh -c 'ls /sys/class/net | wc -l; touch /sys/x'
  assert_output "$(find /sys/class/net -mindepth 1 | wc -l)"
  [[ $stderr == *'Read-only file system'* ]]
  mine --ipc host --uts host --cgroupns host busybox hostname
  assert_output "$(hostname)"
  mine --privileged busybox sh -c 'id -u; mount -t tmpfs none /mnt && echo mounted; hostname new && hostname; mknod /x b 8 0'
  assert_output $'0\nmounted\nnew'
  [[ $stderr == *'mknod: /x: Operation not permitted'* ]]
  mine --privileged --pid host --network host --ipc host --uts host --cgroupns host busybox id -u
  assert_output 0
}

@test "container:NAME: the same users, and what only they may join" {
  start_one a --userns private --hostname first
  start_one b --userns "container:$TEST_TAG-a"
  assert_equal "$(user_namespace "$(pid_of b)")" "$(user_namespace "$(pid_of a)")"
  rocker exec "$TEST_TAG-b" touch /made
  assert_equal "$(stat -c %u:%g "$(folder_of b)/overlay/upper/made")" 0:0
  inside --userns "container:$TEST_TAG-a" --pid "container:$TEST_TAG-a" --ipc "container:$TEST_TAG-a" \
    --network "container:$TEST_TAG-a" --uts "container:$TEST_TAG-a" --cgroupns "container:$TEST_TAG-a" \
    busybox sh -c 'ps -o args; hostname; ls /sys/class/net'
  assert_success
  assert_line 'sleep 1000'
  assert_line first
  assert_line lo
  local option
  for option in pid ipc cgroupns; do
    mine "--$option" "container:$TEST_TAG-a" busybox true
    assert_equal "$status" 125
    assert_one_error_line "--$option container:$TEST_TAG-a: can't be joined with --userns private"
  done
  # It joins what that container has now, not what its number stood for once.
  rocker stop -t 0 "$TEST_TAG-a" "$TEST_TAG-b" >/dev/null
  run --separate-stderr rocker start "$TEST_TAG-b"
  assert_failure
  assert_one_error_line "container $TEST_TAG-a is not running - rocker start $TEST_TAG-a"
  rocker start "$TEST_TAG-a" "$TEST_TAG-b" >/dev/null
  assert_equal "$(user_namespace "$(pid_of b)")" "$(user_namespace "$(pid_of a)")"
  run -0 rocker exec "$TEST_TAG-b" stat -c %u /made
  assert_output 0
  # The range is taken for as long as one of them has it.
  rocker rm -f "$TEST_TAG-a" >/dev/null
  run -0 ls "$ROCKER_ROOT/ranges"
  assert_output --regexp "^$(first_of b)-[0-9a-f]*$"
  # Of one with the host's users these are what is joined.
  start_one h
  inside --userns "container:$TEST_TAG-h" busybox cat /proc/self/uid_map
  assert_output --regexp '^ +0 +0 +4294967295$'
}

@test "a namespace of another container is found again when that one was restarted" {
  start_one a --hostname first
  start_one b --uts "container:$TEST_TAG-a" --pid "container:$TEST_TAG-a"
  rocker restart -t 0 "$TEST_TAG-a" >/dev/null
  rocker restart -t 0 "$TEST_TAG-b" >/dev/null
  local kind
  for kind in uts pid; do
    assert_equal "$(readlink "/proc/$(pid_of b)/ns/$kind")" "$(readlink "/proc/$(pid_of a)/ns/$kind")"
  done
}

@test "inspect: UsernsMode and IDMappings" {
  start_one a --userns private
  run -0 rocker inspect "$TEST_TAG-a"
  assert_json '.[0].HostConfig | [.UsernsMode, .IDMappings]' \
    "[\"private\",{\"UidMap\":[\"0:$(first_of a):65536\"],\"GidMap\":[\"0:$(first_of a):65536\"]}]"
  start_one h --userns host
  run -0 rocker inspect "$TEST_TAG-h"
  assert_json '.[0].HostConfig | [.UsernsMode, .IDMappings]' '["host",null]'
}

@test "what is no --userns, and what can't be idmapped" {
  inside --userns host busybox readlink /proc/self/ns/user
  assert_output "$(user_namespace self)"
  local mode
  for mode in keep-id ns:/proc/1/ns/user container: x; do
    inside --userns "$mode" busybox true
    assert_equal "$status" 125
    assert_one_error_line "--userns: expected host, private or container:NAME, found \"$mode\""
  done
  inside --userns container:nobody busybox true
  assert_equal "$status" 125
  assert_one_error_line 'No such container: nobody'
  run --separate-stderr rocker_image bundle busybox b --userns "container:$TEST_TAG-a"
  assert_failure 1
  assert_one_error_line "--userns: a bundle alone can't join a container"
  assert_file_not_exist b
  # An overlay can't be idmapped itself, a ramfs neither.
  mkdir ram
  mount -t ramfs ram ram
  ROCKER_ROOT=$TEST_DIR/ram rocker_image import "$(busybox_tar)" busybox >/dev/null
  ROCKER_ROOT=$TEST_DIR/ram run --separate-stderr timeout 30 "$ROCKER" run --userns private busybox true
  assert_equal "$status" 125
  assert_one_error_line "idmapped mount of $TEST_DIR/ram/"
  [[ $stderr == *' - its file system has none: ext4, xfs'* ]]
  run -0 find "$TEST_DIR/ram/containers" "$TEST_DIR/ram/ranges" -mindepth 1 -not -name .lock
  assert_output ''
}

@test "a bundle of its own users runs under every runtime" {
  rocker_image bundle busybox b --userns private -- sh -c 'id -u; touch /made'
  run -0 rocker_runc run --bundle b "$(new_id)"
  assert_output 0
  local peer
  for peer in runc crun; do
    command -v "$peer" >/dev/null || continue
    run -0 runtime "$peer" run --bundle b "$(new_id "$peer")"
    assert_output 0
  done
  assert_equal "$(stat -c %u b/overlay/upper/made)" 0
  run ! setpriv --reuid 4321 --regid 4321 --clear-groups -- ls b/overlay/upper
  rocker_image unmount b
  rocker_image mount b >/dev/null
  (($(stat -c %u b/rootfs/made) >= 65536))
  rocker_image unbundle b
  assert_file_not_exist b
  run -0 ls "$ROCKER_ROOT/ranges"
  assert_output ''
}

@test "private: a terminal" {
  needs command tmux
  terminal "'$ROCKER' run --rm -it --userns private busybox sh"
  wait_for_screen '/ #'
  # shellcheck disable=SC2016
  type_keys 'tty; stat -c %u $(tty)' Enter
  wait_for_screen '^/dev/'
  wait_for_screen '^0$'
}
