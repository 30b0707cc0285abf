#!/usr/bin/env bats
# The workflow of the README, every line as it stands there.

load helpers

setup() {
  setup_test
  import_as_written
  PATH=$BUILD:$PATH
}

# The lines name base-image/busybox.tar and alpine-3.18.tar; any second tar stands in for that.
import_as_written() {
  mkdir base-image
  ln -s "$(busybox_tar)" base-image/busybox.tar
  cp "$(busybox_tar)" alpine-3.18.tar
  # Not the function of the helpers: the program, as a user types it.
  unset -f rocker
}

@test "the workflow of the README, line by line" {
  needs overlay
  run -0 rocker import base-image/busybox.tar busybox
  assert_output --regexp '^Imported busybox:latest \(ID: b38350bb, Size: [0-9]+\.[0-9]MB\)$'

  run -0 rocker images
  assert_line --index 0 --regexp '^REPOSITORY +TAG +IMAGE ID +SIZE +CREATED$'
  assert_line --index 1 --regexp '^busybox +latest +b38350bb '

  run -0 rocker run --image busybox /bin/echo "Hello World"
  assert_output 'Hello World'

  run -0 rocker run --tty --image busybox /bin/sh <<<'tty; exit'
  assert_output --partial /dev/pts/0

  run -0 rocker run --image busybox -m 256m --cpushare 512 /bin/ls
  assert_line bin

  run -0 rocker run -d --image busybox /bin/sleep 1000
  assert_output --regexp '^[0-9a-f]{64}$'
  local id=$output

  run -0 rocker ps
  assert_line --index 0 --regexp '^CONTAINER ID +NAME +IMAGE +PID +STATUS +COMMAND +CREATED$'
  assert_line --index 1 --regexp "^${id:0:12} +[a-z_]+ +busybox:latest +[0-9]+ +Running +/bin/sleep 1000 +20"
  assert_equal "${#lines[@]}" 2

  run -0 rocker import alpine-3.18.tar alpine:3.18
  assert_output --partial 'Imported alpine:3.18 (ID: f1507441,'

  run -0 rocker run --image alpine:3.18 /bin/sh <<<'echo from $((40 + 2))'
  assert_output 'from 42'
}

@test "what is written of memory and CPU is what the container's cgroup has" {
  needs controller memory
  needs controller cpu
  "$ROCKER" import base-image/busybox.tar busybox
  run -0 "$ROCKER" run -d --image busybox -m 256m --cpushare 512 /bin/sleep 1000
  local pid
  pid=$("$ROCKER" inspect "$output" | jq '.[0].State.Pid')
  if [[ $(cgroup_mode) = v2 ]]; then
    assert_equal "$(cat "$(cgroup_dir memory "$pid")/memory.max")" 268435456
  else
    assert_equal "$(cat "$(cgroup_dir memory "$pid")/memory.limit_in_bytes")" 268435456
    assert_equal "$(cat "$(cgroup_dir cpu "$pid")/cpu.shares")" 512
  fi
}
