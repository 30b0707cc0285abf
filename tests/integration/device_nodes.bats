#!/usr/bin/env bats
# linux.devices, the default devices and links: config-linux.md, "Devices"; runtime-linux.md, "Dev symbolic links".

load helpers
load process

show() { # PATH...: a script that prints kind, mode, owner and number of each
  echo "stat -c '%n %F %a %u:%g %t:%T' $*"
}

@test "device nodes: the default ones, and the links" {
  make_bundle b '.process.args = ["sh", "-c", $script]' --arg script "$(show /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty)
    for l in fd stdin stdout stderr ptmx; do readlink /dev/\$l; done; echo x >/dev/null; head -c 3 /dev/zero | wc -c; echo x >/dev/full; head -c 5 /dev/urandom | wc -c"
  run run_bundle b
  assert_line '/dev/null character special file 666 0:0 1:3'
  assert_line '/dev/zero character special file 666 0:0 1:5'
  assert_line '/dev/full character special file 666 0:0 1:7'
  assert_line '/dev/random character special file 666 0:0 1:8'
  assert_line '/dev/urandom character special file 666 0:0 1:9'
  assert_line '/dev/tty character special file 666 0:0 5:0'
  assert_line --index 6 /proc/self/fd
  assert_line --index 7 /proc/self/fd/0
  assert_line --index 8 /proc/self/fd/1
  assert_line --index 9 /proc/self/fd/2
  assert_line --index 10 pts/ptmx
  assert_line 3
  assert_line 5
  assert_line --partial 'No space left on device'
}

@test "device nodes: each kind, with its mode and owner, also outside /dev" {
  make_bundle b '.process.args = ["sh", "-c", $script] | .linux.devices = [
      {type: "c", path: "/dev/c", major: 1, minor: 3, fileMode: 438, uid: 5, gid: 6},
      {type: "u", path: "/dev/u", major: 1, minor: 5, fileMode: 384},
      {type: "b", path: "/srv/deep/b", major: 7, minor: 300, fileMode: 0},
      {type: "p", path: "/dev/p", fileMode: 420, uid: 7},
      {type: "c", path: "/dev/plain", major: 4095, minor: 1048575},
      {type: "c", path: "/dev/null", major: 1, minor: 3, fileMode: 384, gid: 9}]' \
    --arg script "$(show /dev/c /dev/u /srv/deep/b /dev/p /dev/plain /dev/null)"
  run run_bundle b
  assert_success
  assert_output '/dev/c character special file 666 5:6 1:3
/dev/u character special file 600 0:0 1:5
/srv/deep/b block special file 0 0:0 7:12c
/dev/p fifo 644 7:0 0:0
/dev/plain character special file 666 0:0 fff:fffff
/dev/null character special file 600 0:9 1:3'
}

@test "device nodes: the same under the peers" {
  make_bundle b '.process.args = ["sh", "-c", $script] | .linux.devices = [
      {type: "c", path: "/dev/c", major: 1, minor: 3, fileMode: 432, uid: 5, gid: 6},
      {type: "b", path: "/dev/b", major: 7, minor: 0, fileMode: 384, uid: 0, gid: 0}]' \
    --arg script "$(show /dev/c /dev/b /dev/null /dev/tty); readlink /dev/fd; readlink /dev/ptmx"
  assert_same_as b runc crun
}

@test "device nodes: one that is there already and matches is used, anything else is an error" {
  make_bundle b '.mounts |= map(select(.destination | startswith("/dev") | not)) | .process.args = ["sh", "-c", $script] |
      .linux.devices = [{type: "c", path: "/srv/x", major: 1, minor: 3, fileMode: 384, uid: 1, gid: 2}]' --arg script "$(show /srv/x)"
  mkdir -p b/rootfs/srv
  mknod -m 666 b/rootfs/srv/x c 1 3
  run run_bundle b
  assert_success
  assert_output '/srv/x character special file 600 1:2 1:3'
  local other
  for other in 'mknod b/rootfs/srv/x c 1 5' 'mknod b/rootfs/srv/x b 1 3' 'touch b/rootfs/srv/x' 'mkdir b/rootfs/srv/x' \
    'ln -s /dev/null b/rootfs/srv/x' 'mkfifo b/rootfs/srv/x'; do
    rm -rf b/rootfs/srv/x
    $other
    run --separate-stderr run_bundle b
    assert_failure 1
    assert_one_error_line 'config.json: /linux/devices/0: make device /srv/x: there is something else already, not the device c 1:3'
  done
}

@test "device nodes: /dev that is brought from the host has what it has" {
  mkdir dev
  mount -t tmpfs dev dev
  mknod dev/mine c 1 3
  make_bundle b '.process.args = ["ls", "/dev"] | .mounts |= map(select(.destination | startswith("/dev") | not)) |
    del(.linux.maskedPaths) | .mounts += [{destination: "/dev", source: $dev, options: ["rbind"]}]' --arg dev "$TEST_DIR/dev"
  run run_bundle b
  assert_success
  assert_output mine
  assert_equal "$(ls dev)" mine
}

@test "device nodes: a read-only /dev has them as well" {
  make_bundle b '.process.args = ["sh", "-c", "echo x >/dev/null && ls /dev/pts/ptmx && touch /dev/x"] | (.mounts[] | select(.destination == "/dev")).options += ["ro"]'
  run run_bundle b
  assert_line /dev/pts/ptmx
  assert_line --partial '/dev/x: Read-only file system'
}

@test "device nodes: a user namespace has the host's, bound" {
  needs userns
  make_bundle b '.process.args = ["sh", "-c", $script] | .linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
    .linux.devices = [{type: "p", path: "/dev/p", fileMode: 384}, {type: "c", path: "/dev/full", major: 1, minor: 7},
      {type: "c", path: "/dev/by-another/name", major: 1, minor: 5}]' \
    --arg script 'stat -c "%n %F %t:%T" /dev/null /dev/full /dev/by-another/name /dev/p; echo x >/dev/null && head -c 2 /dev/zero | wc -c'
  chown -R 100000:100000 b/rootfs
  run run_bundle b
  assert_success
  assert_output '/dev/null character special file 1:3
/dev/full character special file 1:7
/dev/by-another/name character special file 1:5
/dev/p fifo 0:0
2'
  edit_config b '.linux.devices = [{type: "c", path: "/dev/full", major: 1, minor: 99}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /linux/devices/0: device /dev/full: the host has no node of the device c 1:99'
  edit_config b '.linux.devices = [{type: "c", path: "/dev/no-such-node", major: 1, minor: 99}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /linux/devices/0: device /dev/no-such-node: the host has no node'
}

@test "device nodes: the umask of the caller takes nothing away" {
  make_bundle b '.process.args = ["sh", "-c", $script] | .linux.devices = [{type: "c", path: "/dev/c", major: 1, minor: 3, fileMode: 511}]' \
    --arg script "$(show /dev/null /dev/c)"
  run bash -c "umask 077; exec '$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id) </dev/null"
  assert_output '/dev/null character special file 666 0:0 1:3
/dev/c character special file 777 0:0 1:3'
}
