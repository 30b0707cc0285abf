#!/usr/bin/env bats
# The mount option tmpcopyup: config.md, "Linux mount options".

load helpers
load process

@test "tmpcopyup: the image's directory is in the tmpfs, with owners, modes, times and links" {
  make_bundle b '.process.args = ["sh", "-c", $script] |
    .mounts += [{destination: "/data", type: "tmpfs", options: ["tmpcopyup", "nosuid"]}]' \
    --arg script 'cd /data; stat -c "%n %a %u:%g %Y" . file sub sub/deep fifo; readlink link; cat file sub/deep; rm file
      stat -f -c %T .'
  mkdir -p b/rootfs/data/sub
  echo one >b/rootfs/data/file
  echo two >b/rootfs/data/sub/deep
  ln -s /nowhere b/rootfs/data/link
  mkfifo -m 600 b/rootfs/data/fifo
  chown 3:4 b/rootfs/data/file b/rootfs/data/sub
  chmod 4755 b/rootfs/data/file
  chmod 1777 b/rootfs/data/sub
  chmod 710 b/rootfs/data
  touch -d @1000 b/rootfs/data/sub/deep b/rootfs/data/file
  touch -d @2000 b/rootfs/data/sub b/rootfs/data/fifo b/rootfs/data
  run run_bundle b
  assert_success
  assert_line '. 710 0:0 2000'
  assert_line 'file 4755 3:4 1000'
  assert_line 'sub 1777 3:4 2000'
  assert_line --regexp '^sub/deep 644 0:0 1000$'
  assert_line --regexp '^fifo 600 0:0 '
  assert_line /nowhere
  assert_line one
  assert_line two
  assert_line tmpfs
  # The image itself is as it was.
  assert_equal "$(cat b/rootfs/data/file)" one
}

@test "tmpcopyup: read-only, and of a directory that is missing" {
  make_bundle b '.process.args = ["sh", "-c", "cat /data/file; echo x >/data/file; ls -A /none"] |
    .mounts += [{destination: "/data", type: "tmpfs", options: ["tmpcopyup", "ro"]}, {destination: "/none", type: "tmpfs", options: ["tmpcopyup"]}]'
  mkdir b/rootfs/data
  echo one >b/rootfs/data/file
  run run_bundle b
  assert_success
  assert_line --index 0 one
  assert_line --index 1 --partial 'Read-only file system'
  assert_equal "${#lines[@]}" 2
}

@test "tmpcopyup: what does not fit is an error that names the mount" {
  make_bundle b '.mounts += [{destination: "/data", type: "tmpfs", options: ["tmpcopyup", "size=16k"]}]'
  mkdir b/rootfs/data
  head -c 100000 /dev/zero >b/rootfs/data/big
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /mounts/7: tmpcopyup of /data: copy big: no space left on device'
}

@test "tmpcopyup: a link in the image is copied, never followed" {
  echo secret >secret
  make_bundle b '.process.args = ["sh", "-c", "readlink /data/link; cat /data/link"] |
    .mounts += [{destination: "/data", type: "tmpfs", options: ["tmpcopyup"]}]'
  mkdir b/rootfs/data
  ln -s "$TEST_DIR/secret" b/rootfs/data/link
  run run_bundle b
  assert_line --index 0 "$TEST_DIR/secret"
  refute_line secret
}
