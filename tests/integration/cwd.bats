#!/usr/bin/env bats
# process.cwd: config.md, "Process".

load helpers
load process

@test "cwd: is where the process starts" {
  make_bundle b '.process.args = ["pwd"] | .process.cwd = "/etc/.."'
  run run_bundle b
  assert_output /
  edit_config b '.process.cwd = "/etc"'
  run run_bundle b
  assert_output /etc
  assert_same_as b runc crun
}

@test "cwd: is made when it is missing" {
  make_bundle b '.process.args = ["sh", "-c", "pwd; stat -c \"%a %u:%g\" ."] | .process.cwd = "/new/deep/dir"'
  run run_bundle b
  assert_success
  assert_output $'/new/deep/dir\n755 0:0'
  assert_dir_exists b/rootfs/new/deep/dir
}

@test "cwd: in a mount, and in one that is read-only and lacks it" {
  make_bundle b '.process.args = ["pwd"] | .process.cwd = "/t/made" | .mounts += [{destination: "/t", type: "tmpfs"}]'
  run run_bundle b
  assert_output /t/made
  edit_config b '.mounts[-1].options = ["ro"]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/process/cwd "/t/made"'
  [[ $stderr == *'read-only file system'* ]]
}

@test "cwd: a file, and no absolute path" {
  make_bundle b '.process.cwd = "/etc/passwd"'
  echo >b/rootfs/etc/passwd
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/process/cwd "/etc/passwd": not a directory'
  edit_config b '.process.cwd = "etc"'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/process/cwd: expected an absolute path, found "etc"'
}

@test "cwd: a link out of the root stays inside" {
  mkdir outside
  make_bundle b '.process.args = ["pwd"] | .process.cwd = "/link/new"'
  ln -s "../../../../../../../..$TEST_DIR/outside" b/rootfs/link
  run run_bundle b
  assert_success
  assert_output "$TEST_DIR/outside/new"
  assert_equal "$(ls -A outside)" ''
  assert_dir_exists "b/rootfs$TEST_DIR/outside/new"
}

@test "cwd: one that only the user may enter" {
  make_bundle b '.process.args = ["pwd"] | .process.cwd = "/home/u" | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
  mkdir -p b/rootfs/home/u
  chown 1000:1000 b/rootfs/home/u
  chmod 700 b/rootfs/home/u
  run run_bundle b
  assert_success
  assert_output /home/u
  chown 0:0 b/rootfs/home/u
  run rocker_runc run --bundle b "$(new_id)" </dev/null
  # As with the peers: root has taken the process there before it became the user.
  assert_same_as b runc
}

@test "cwd: exec has the one of config.json, and its own" {
  make_bundle b '.process.args = ["sleep", "100"] | .process.cwd = "/etc"'
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" pwd
  assert_output /etc
  run rocker_runc exec --cwd /bin "$(new_id)" pwd
  assert_output /bin
  run --separate-stderr rocker_runc exec --cwd bin "$(new_id)" pwd
  assert_failure
}

@test "cwd: exec does not make it" {
  make_bundle b '.process.args = ["sleep", "100"]'
  echo >b/rootfs/etc/passwd
  run_detached "$(new_id)" b
  run -127 --separate-stderr rocker_runc exec --cwd /missing/deep "$(new_id)" pwd
  assert_one_error_line '/process/cwd "/missing/deep": no such file or directory - only run and create make it'
  assert_not_exists b/rootfs/missing
  run -126 --separate-stderr rocker_runc exec --cwd /etc/passwd "$(new_id)" pwd
  assert_one_error_line '/process/cwd "/etc/passwd": not a directory'
}
