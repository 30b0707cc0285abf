#!/usr/bin/env bats
# mounts: config.md, "Mounts" and "Linux mount options".

load helpers
load process
load mountinfo

mountinfo='.process.args = ["cat", "/proc/self/mountinfo"]'

# A tmpfs of the host's at $TEST_DIR/vol with another one below it, both without any flag.
nested_volume() {
  mkdir vol
  mount -t tmpfs -o strictatime vol vol
  mkdir vol/sub
  mount -t tmpfs -o strictatime sub vol/sub
}

# Runs a bundle that has vol at /m/NAME with the options after "NAME:", and prints its mountinfo.
with_options() { # [NAME:OPTION,OPTION...]...
  make_bundle b "$mountinfo"' | .mounts += [$list | split(" ")[] | split(":") |
    {destination: "/m/\(.[0])", source: $vol, options: (["rbind"] + (.[1] | split(",")))}]' \
    --arg vol "$TEST_DIR/vol" --arg list "$*"
  run run_bundle b
  assert_success
}

# The error of a bundle with one more mount, which must name it.
assert_refused() { # MOUNT TEXT
  jq --argjson mount "$1" '.mounts += [$mount]' base.json >b/config.json
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /mounts/7: '
  [[ $stderr == *"$2"* ]] || fail "expected: $2, found: $stderr"
}

@test "mounts: the flags, of a mount and not of what is below it" {
  nested_volume
  with_options ro:ro nosuid:nosuid nodev:nodev noexec:noexec noatime:noatime nodiratime:nodiratime relatime:relatime \
    nosymfollow:nosymfollow all:ro,nosuid,nodev,noexec,relatime quiet:defaults,silent,loud,noauto,x-test=1
  assert_flags /m/ro ro
  assert_flags /m/nosuid rw,nosuid
  assert_flags /m/nodev rw,nodev
  assert_flags /m/noexec rw,noexec
  assert_flags /m/noatime rw,noatime
  assert_flags /m/nodiratime rw,nodiratime
  assert_flags /m/relatime rw,relatime
  assert_flags /m/nosymfollow rw,nosymfollow
  assert_flags /m/all ro,nosuid,nodev,noexec,relatime
  assert_flags /m/quiet rw
  local name
  for name in ro nosuid nodev noexec noatime nodiratime relatime nosymfollow all; do assert_flags "/m/$name/sub" rw; done
}

@test "mounts: a later option takes an earlier one back" {
  nested_volume
  mount -o remount,bind,ro,nosuid,nodev,noexec,noatime,nodiratime vol
  with_options rw:rw suid:suid dev:dev exec:exec strictatime:strictatime relatime:relatime diratime:diratime \
    both:noexec,exec,rw,ro keeps:
  assert_flags /m/rw rw,nosuid,nodev,noexec,noatime,nodiratime
  assert_flags /m/suid ro,nodev,noexec,noatime,nodiratime
  assert_flags /m/dev ro,nosuid,noexec,noatime,nodiratime
  assert_flags /m/exec ro,nosuid,nodev,noatime,nodiratime
  assert_flags /m/strictatime ro,nosuid,nodev,noexec,nodiratime
  assert_flags /m/relatime ro,nosuid,nodev,noexec,nodiratime,relatime
  assert_flags /m/diratime ro,nosuid,nodev,noexec,noatime
  assert_flags /m/both ro,nosuid,nodev,noatime,nodiratime
  assert_flags /m/keeps ro,nosuid,nodev,noexec,noatime,nodiratime
}

@test "mounts: the recursive flags, of a mount and all that is below it" {
  nested_volume
  with_options rro:rro rnosuid:rnosuid rnodev:rnodev rnoexec:rnoexec rnoatime:rnoatime rnodiratime:rnodiratime \
    rrelatime:rrelatime rnosymfollow:rnosymfollow mixed:ro,rnosuid all:rro,rnosuid,rnodev,rnoexec,rnoatime
  local at
  for at in '' /sub; do
    assert_flags "/m/rro$at" ro
    assert_flags "/m/rnosuid$at" rw,nosuid
    assert_flags "/m/rnodev$at" rw,nodev
    assert_flags "/m/rnoexec$at" rw,noexec
    assert_flags "/m/rnoatime$at" rw,noatime
    assert_flags "/m/rnodiratime$at" rw,nodiratime
    assert_flags "/m/rrelatime$at" rw,relatime
    assert_flags "/m/rnosymfollow$at" rw,nosymfollow
    assert_flags "/m/all$at" ro,nosuid,nodev,noexec,noatime
  done
  assert_flags /m/mixed ro,nosuid
  assert_flags /m/mixed/sub rw,nosuid
}

@test "mounts: the recursive flags that take back" {
  nested_volume
  mount -o remount,bind,ro,nosuid,nodev,noexec,noatime,nodiratime vol
  mount -o remount,bind,ro,nosuid,nodev,noexec,noatime,nodiratime vol/sub
  with_options rrw:rrw rsuid:rsuid rdev:rdev rexec:rexec rstrictatime:rstrictatime rdiratime:rdiratime
  local at
  for at in '' /sub; do
    assert_flags "/m/rrw$at" rw,nosuid,nodev,noexec,noatime,nodiratime
    assert_flags "/m/rsuid$at" ro,nodev,noexec,noatime,nodiratime
    assert_flags "/m/rdev$at" ro,nosuid,noexec,noatime,nodiratime
    assert_flags "/m/rexec$at" ro,nosuid,nodev,noatime,nodiratime
    assert_flags "/m/rstrictatime$at" ro,nosuid,nodev,noexec,nodiratime
    assert_flags "/m/rdiratime$at" ro,nosuid,nodev,noexec,noatime
  done
}

@test "mounts: the flags do what they say" {
  make_bundle b '.process.args = ["sh", "-c", "echo x >/ro/f; /noexec/true; cat /nosym/link; cat /nodev/null; echo x >/rw/f && /rw/true && cat /rw/link && echo ok"] |
    .mounts += [["ro", "ro"], ["noexec", "noexec"], ["nosym", "nosymfollow"], ["nodev", "nodev"], ["rw", "rw"]] |
    .mounts |= map(if type == "array" then {destination: "/\(.[0])", source: "vol", options: ["bind", .[1]]} else . end)'
  mkdir b/vol
  cp b/rootfs/bin/busybox b/vol/true
  echo target >b/vol/target
  ln -s target b/vol/link
  mknod b/vol/null c 1 3
  run run_bundle b
  assert_line --partial "can't create /ro/f: Read-only file system"
  assert_line --partial '/noexec/true: Permission denied'
  assert_line --partial "/nosym/link': Too many levels of symbolic links"
  assert_line --partial "/nodev/null': Permission denied"
  assert_line target
  assert_line ok
}

@test "mounts: bind takes one mount, rbind those below it as well" {
  nested_volume
  echo deep >vol/sub/file
  make_bundle b '.process.args = ["sh", "-c", "ls /one/sub; echo -; ls /all/sub"] | .mounts += [
    {destination: "/one", type: "none", source: $vol, options: ["bind"]},
    {destination: "/all", type: "none", source: $vol, options: ["rbind"]}]' --arg vol "$TEST_DIR/vol"
  run run_bundle b
  assert_success
  assert_output $'-\nfile'
  assert_same_as b runc crun
}

@test "mounts: files and directories, made where they are missing, their sources relative to the bundle" {
  make_bundle b '.process.args = ["sh", "-c", "cat /new/dir/file /etc/there; ls /made/deep; cat relative/x"] | .mounts += [
    {destination: "/new/dir/file", source: "src/file", options: ["bind"]},
    {destination: "/etc/there", source: "./src/../src/file", options: ["bind", "ro"]},
    {destination: "/made/deep", source: "src", options: ["rbind"]},
    {destination: "relative", source: "src", options: ["bind"]}]'
  mkdir b/src
  echo content | tee b/src/file >b/src/x
  echo old >b/rootfs/etc/there
  run run_bundle b
  assert_success
  assert_output $'content\ncontent\nfile\nx\ncontent'
  # A relative destination is deprecated: runc warns.
  assert_same_as b crun
  # The image's own file is still there, below.
  assert_equal "$(cat b/rootfs/etc/there)" old
}

@test "mounts: later ones are over and in earlier ones, in the order of the list" {
  make_bundle b '.process.args = ["sh", "-c", "ls /a; ls /a/in; stat -f -c %T /a/in"] | .mounts += [
    {destination: "/a", source: "one", options: ["bind"]}, {destination: "/a", type: "tmpfs"},
    {destination: "/a/in", source: "two", options: ["bind"]}]'
  mkdir b/one b/two
  touch b/one/below b/two/top
  run run_bundle b
  assert_success
  assert_line --index 0 in
  assert_line --index 1 top
  assert_equal "$(ls b/one)" below
}

@test "mounts: a destination below a link whose target is missing" {
  make_bundle b '.process.args = ["sh", "-c", "ls /run/lock/x; cat /run/f"] | .mounts += [
    {destination: "/run", type: "tmpfs"}, {destination: "/var/lock/x", source: "src", options: ["bind"]},
    {destination: "/var/f", source: "src/file", options: ["bind"]}]'
  mkdir b/src
  echo content >b/src/file
  ln -s ../run/lock b/rootfs/var/lock
  ln -s /run/f b/rootfs/var/f
  run run_bundle b
  assert_success
  assert_output $'file\ncontent'
}

@test "mounts: tmpfs with its options" {
  make_bundle b '.process.args = ["sh", "-c", "stat -c \"%a %u %g\" /t; df -k /t | tail -n 1 | tr -s \" \" | cut -d\" \" -f2; cat /proc/self/mountinfo"] | .mounts += [
    {destination: "/t", type: "tmpfs", source: "mine", options: ["size=64k", "mode=1711", "uid=7", "gid=8", "nr_inodes=20", "noexec"]},
    {destination: "/r", type: "tmpfs", options: ["ro"]}, {destination: "/r/in", type: "tmpfs"}]'
  run run_bundle b
  assert_success
  assert_line --index 0 '1711 7 8'
  assert_line --index 1 64
  assert_flags /t rw,noexec,relatime
  [[ $(mount_super /t) == *size=64k,nr_inodes=20* ]]
  # What is mounted in a read-only tmpfs is there all the same.
  [[ $(mount_flags /r) == ro,* ]]
  [[ $(mount_flags /r/in) == rw,* ]]
}

@test "mounts: superblock options reach the file system" {
  make_bundle b "$mountinfo"' | .mounts += [{destination: "/s", type: "tmpfs", options: ["sync", "dirsync", "lazytime"]},
    {destination: "/a", type: "tmpfs", options: ["sync", "async", "lazytime", "nolazytime"]}]'
  run run_bundle b
  assert_success
  [[ $(mount_super /s) == *sync*dirsync*lazytime* ]]
  [[ $(mount_super /a) != *sync* && $(mount_super /a) != *lazytime* ]]
}

@test "mounts: overlay" {
  needs overlay
  make_bundle b '.process.args = ["sh", "-c", "cat /o/low /o/high; echo new >/o/low"] | .mounts += [
    {destination: "/o", type: "overlay", source: "overlay", options: ["lowerdir=\($dir)/low", "upperdir=\($dir)/up", "workdir=\($dir)/work"]}]' \
    --arg dir "$TEST_DIR"
  mkdir low up work
  echo low >low/low
  echo high >up/high
  run run_bundle b
  assert_success
  assert_output $'low\nhigh'
  assert_equal "$(cat low/low up/low)" $'low\nnew'
}

@test "mounts: propagation" {
  nested_volume
  mount --make-rshared vol
  with_options shared:shared rshared:rshared slave:slave rslave:rslave private:private rprivate:rprivate \
    unbindable:unbindable runbindable:runbindable both:rslave,rshared none:
  assert_propagation /m/private private
  assert_propagation /m/rprivate private
  assert_propagation /m/rprivate/sub private
  assert_propagation /m/slave master
  assert_propagation /m/rslave/sub master
  assert_propagation /m/unbindable unbindable
  assert_propagation /m/runbindable/sub unbindable
  assert_propagation /m/none master
  [[ $(mount_propagation /m/shared) == shared* ]]
  [[ $(mount_propagation /m/rshared/sub) == shared* ]]
  [[ $(mount_propagation /m/both/sub) == 'shared master' ]]
  # A form without "r" is for the one mount.
  assert_propagation /m/private/sub master
  assert_propagation /m/unbindable/sub master
}

@test "mounts: what the host mounts later comes into a slave, and not into a private one" {
  nested_volume
  mount --make-rshared vol
  mkdir vol/later
  make_bundle b '.process.args = ["sleep", "100"] | .mounts += [
    {destination: "/slave", source: $vol, options: ["rbind", "rslave"]},
    {destination: "/private", source: $vol, options: ["rbind", "rprivate"]},
    {destination: "/shared", source: $vol, options: ["rbind", "rshared"]}]' --arg vol "$TEST_DIR/vol"
  run_detached "$(new_id)" b
  mount -t tmpfs later vol/later
  touch vol/later/file
  run rocker_runc exec "$(new_id)" sh -c 'ls /slave/later; echo -; ls /private/later'
  assert_output $'file\n-'
  # With "rshared" the container's mounts come out: that is what it is for. With "rslave" they don't.
  rocker_runc exec --cap CAP_SYS_ADMIN "$(new_id)" sh -c 'mkdir /shared/out /slave/in && mount -t tmpfs x /shared/out && mount -t tmpfs x /slave/in'
  grep -q " $TEST_DIR/vol/out " /proc/self/mountinfo || grep " $TEST_DIR/vol" /proc/self/mountinfo | fail
  run ! grep " $TEST_DIR/vol/in " /proc/self/mountinfo
}

@test "mounts: nothing that a container mounts reaches the host" {
  mkdir shared
  mount -t tmpfs shared shared
  mount --make-rshared shared
  make_bundle shared/b '.process.args = ["true"] | .mounts += [{destination: "/seen", type: "tmpfs"}]'
  local before
  before=$(grep -c "$TEST_DIR" /proc/self/mountinfo)
  run rocker_runc run --bundle shared/b "$(new_id)" </dev/null
  assert_success
  assert_equal "$(grep -c "$TEST_DIR" /proc/self/mountinfo)" "$before"
}

@test "mounts: remount changes the flags it names and keeps the others" {
  make_bundle b "$mountinfo"' | .mounts += [
    {destination: "/t", type: "tmpfs", options: ["nosuid", "noexec", "size=64k"]},
    {destination: "/t", options: ["remount", "bind", "ro"]},
    {destination: "/s", type: "tmpfs", options: ["size=64k"]},
    {destination: "/s", options: ["remount", "size=128k"]}]'
  run run_bundle b
  assert_success
  assert_flags /t ro,nosuid,noexec,relatime
  [[ $(mount_super /s) == *size=128k* ]]
}

@test "mounts: a user namespace keeps the flags that the host has locked" {
  needs userns
  mkdir vol
  mount -t tmpfs -o nosuid,nodev,noexec vol vol
  make_bundle b "$mountinfo"' | .linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
    .mounts += [{destination: "/v", source: $vol, options: ["rbind", "ro"]}, {destination: "/v", options: ["remount", "bind", "ro"]}]' \
    --arg vol "$TEST_DIR/vol"
  run run_bundle b
  assert_success
  assert_flags /v ro,nosuid,nodev,noexec,relatime
}

@test "mounts: sysfs in a user namespace with the host's network is the host's, read-only" {
  needs userns
  make_bundle b '.process.args = ["sh", "-c", "ls -d /sys/class/net/lo; cat /proc/self/mountinfo"] | .linux.namespaces |= map(select(.type != "network")) |
    .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
    (.mounts[] | select(.type == "sysfs")).options = ["nosuid", "noexec", "nodev"]'
  run run_bundle b
  assert_success
  assert_line --index 0 /sys/class/net/lo
  assert_equal "$(mount_type /sys)" sysfs
  [[ $(mount_flags /sys) == ro,nosuid,nodev,noexec* ]]
}

@test "mounts: mqueue, devpts, shm and proc of its own" {
  make_bundle b "$mountinfo"
  run run_bundle b
  assert_success
  assert_equal "$(for m in /proc /dev /dev/pts /dev/shm /dev/mqueue /sys; do mount_type $m; done | tr '\n' ' ')" \
    'proc tmpfs devpts tmpfs mqueue sysfs '
  assert_flags /dev rw,nosuid
  assert_flags /sys ro,nosuid,nodev,noexec,relatime
  [[ $(mount_super /dev/pts) == *mode=620,ptmxmode=666* ]]
}

@test "mounts: errors name the mount and the cause" {
  make_bundle b
  cp b/config.json base.json
  mkdir b/dir
  touch b/file
  assert_refused '{"destination": "/x", "source": "/no/such", "options": ["bind"]}' 'source /no/such: no such file or directory'
  assert_refused '{"destination": "/x", "options": ["bind"]}' 'a bind mount needs a "source"'
  assert_refused '{"destination": "/x"}' 'has neither a "type" nor the option "bind"'
  assert_refused '{"destination": "/", "type": "tmpfs"}' 'destination "/"'
  assert_refused '{"destination": "/x", "type": "nofs"}' 'file system type "nofs": no such device'
  assert_refused '{"destination": "/x", "type": "tmpfs", "options": ["size=many"]}' "Bad value for 'size'"
  assert_refused '{"destination": "/x", "type": "tmpfs", "options": ["bogus"]}' 'bogus'
  assert_refused '{"destination": "/etc", "source": "file", "options": ["bind"]}' 'the target is a directory and the source is not'
  assert_refused '{"destination": "/bin/busybox", "source": "dir", "options": ["bind"]}' '/bin/busybox: not a directory'
  assert_refused '{"destination": "/bin/busybox/x", "type": "tmpfs"}' 'not a directory'
  assert_refused '{"destination": "/nothing", "options": ["remount", "ro"]}' 'open /nothing: no such file or directory'
  assert_refused '{"destination": "/etc", "options": ["remount", "ro"]}' 'remount /etc: there is no mount'
  assert_refused '{"destination": "/x", "type": "ext4", "source": "/no/such/device"}' '/no/such/device'
  assert_refused '{"destination": "/x", "type": "overlay", "source": "o", "options": ["lowerdir=/no/such"]}' 'lowerdir=/no/such'
  assert_no_leftovers
}

@test "mounts: several options of a file system in one string" {
  make_bundle b '.process.args = ["cat", "/proc/self/mountinfo"]
    | .mounts += [{destination: "/t", type: "tmpfs", source: "tmpfs", options: ["size=1m,mode=700", "nosuid"]}]'
  run run_bundle b
  assert_success
  [[ $(mount_super /t) == *size=1024k*mode=700* ]]
  assert_equal "$(mount_flags /t | grep -o nosuid)" nosuid
}
