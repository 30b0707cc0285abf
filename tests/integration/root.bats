#!/usr/bin/env bats
# root and linux.rootfsPropagation: config.md, "Root"; config-linux.md, "Rootfs Mount Propagation".

load helpers
load process
load mountinfo

@test "root: read-only, and not" {
  make_bundle b '.process.args = ["sh", "-c", "touch /new && echo written; touch /dev/x && echo dev"]'
  run run_bundle b
  assert_output $'written\ndev'
  rm b/rootfs/new
  edit_config b '.root.readonly = true'
  run run_bundle b
  assert_line --partial '/new: Read-only file system'
  assert_line dev
  assert_not_exists b/rootfs/new
}

@test "root: absolute, relative, and by a link" {
  make_bundle b '.process.args = ["ls", "/marker"]'
  touch b/rootfs/marker
  mkdir b/sub
  mv b/rootfs b/sub/fs
  ln -s sub/fs b/link
  local path
  for path in sub/fs ./sub/../sub/fs "$TEST_DIR/b/sub/fs" link; do
    edit_config b '.root.path = $path' --arg path "$path"
    run run_bundle b
    assert_success
    assert_output /marker
  done
}

@test "root: is a bundle away from the working directory" {
  make_bundle b '.process.args = ["ls", "/marker"]'
  touch b/rootfs/marker
  cd /
  run rocker_runc run --bundle "$TEST_DIR/b" "$(new_id)" </dev/null
  assert_output /marker
}

@test "root: missing, a file, empty" {
  make_bundle b '.root.path = "none"'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line "config.json: /root/path: $TEST_DIR/b/none: no such file or directory"
  edit_config b '.root.path = "config.json"'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line "config.json: /root/path: $TEST_DIR/b/config.json: is not a directory"
  edit_config b '.root.path = ""'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/root/path: is empty'
  assert_no_leftovers
}

@test "root: what is mounted in it on the host is there as well" {
  make_bundle b '.process.args = ["ls", "/mnt"]'
  mount -t tmpfs in b/rootfs/mnt
  touch b/rootfs/mnt/inside
  run run_bundle b
  assert_output inside
}

@test "root: the host's mounts are gone, also the old root" {
  make_bundle b '.process.args = ["cat", "/proc/self/mountinfo"]'
  run run_bundle b
  assert_success
  refute_line --regexp "^[0-9]+ [0-9]+ [0-9:]+ [^ ]+ $TEST_DIR"
  assert_equal "$(awk '$5 == "/"' <<<"$output" | wc -l)" 1
  # Only what config.json asks for: the root, 7 mounts, and what lies over them.
  [[ $(awk '{ print $5 }' <<<"$output" | grep -cvE '^/($|proc|dev|sys)') = 0 ]]
}

@test "root: propagation" {
  local want value
  for value in private rprivate unbindable runbindable slave rslave shared rshared; do
    mkdir -p "$value"
    mount -t tmpfs p "$value"
    mount --make-shared "$value"
    make_bundle "$value/b" '.process.args = ["cat", "/proc/self/mountinfo"] | .linux.rootfsPropagation = $p |
      .linux.maskedPaths += ["/etc"] | .linux.readonlyPaths += ["/bin"]' --arg p "$value"
    run rocker_runc run --bundle "$value/b" "$(new_id)" </dev/null
    assert_success
    case $value in
      *shared) want='shared master' ;;
      *slave) want=master ;;
      *private) want=private ;;
      *) want=unbindable ;;
    esac
    assert_propagation / "$want"
    umount "$value"
  done
}

@test "root: a slave sees what the host mounts later, a private one does not" {
  local value
  for value in slave private; do
    mkdir "$value"
    mount -t tmpfs p "$value"
    mount --make-shared "$value"
    make_bundle "$value/b" '.process.args = ["sleep", "100"] | .linux.rootfsPropagation = $p' --arg p "$value"
    run_detached "$(new_id $value)" "$value/b"
    mount -t tmpfs later "$value/b/rootfs/mnt"
    touch "$value/b/rootfs/mnt/late"
    run rocker_runc exec "$(new_id $value)" ls /mnt
    case $value in slave) assert_output late ;; *) assert_output '' ;; esac
  done
}

@test "root: the host's own root" {
  make_bundle b '.process.args = ["cat", $marker] | .root = {path: "/", readonly: true} | .mounts |= map(select(.destination | startswith("/dev") | not))' \
    --arg marker "$TEST_DIR/marker"
  edit_config b '.mounts += [{destination: "/dev", type: "tmpfs"}]'
  echo seen >marker
  run run_bundle b
  assert_success
  assert_output seen
}
