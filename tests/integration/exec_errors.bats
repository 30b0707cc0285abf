#!/usr/bin/env bats
# Why a program could not be executed: the cause is named as far as it can be found out, the exit status is 127 for
# what is not found and 126 for what can't be executed, and the words that engines look for are in it.

load helpers
load process

setup() {
  setup_test
  make_bundle b
}

# What `run` says of a program, and `exec` the same.
refused() { # STATUS PROGRAM PART...
  local status_wanted=$1 program=$2 part
  shift 2
  edit_config b '.process.args = [$p]' --arg p "$program"
  run "-$status_wanted" --separate-stderr run_bundle b
  for part in "$@"; do assert_one_error_line "$part"; done
  assert_no_leftovers
  edit_config b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id exec)" b
  run "-$status_wanted" --separate-stderr rocker_runc exec "$(new_id exec)" "$program"
  for part in "$@"; do assert_one_error_line "$part"; done
  rocker_runc delete -f "$(new_id exec)"
}

@test "exec errors: not on PATH" {
  edit_config b '.process.env = ["PATH=/usr/nowhere:/bin"]'
  refused 127 nope-x 'exec: "nope-x": executable file not found in $PATH' 'no such file or directory' /usr/nowhere:/bin
}

@test "exec errors: a path that is not there" {
  refused 127 /nope 'exec: "/nope": no such file or directory'
  refused 127 /a/b/nope 'no such file or directory' 'the directory "/a" does not exist'
  ln -s /nowhere b/rootfs/link
  refused 127 /link 'no such file or directory' 'a symbolic link to "/nowhere", which does not exist'
}

@test "exec errors: the interpreter of a script is missing" {
  printf '#!/usr/bin/nope -x\n' >b/rootfs/script
  chmod 755 b/rootfs/script
  refused 127 /script 'no such file or directory' 'its interpreter (#!) "/usr/bin/nope"'
  printf '#!/bin/sh\r\n' >b/rootfs/script
  refused 127 /script 'no such file or directory' 'Unix line ends'
}

@test "exec errors: the loader is missing" {
  # A dynamic program of this machine, in a root file system with nothing but busybox.
  cp /bin/cat b/rootfs/dynamic
  refused 127 /dynamic 'no such file or directory' 'its loader (ELF interpreter) "/lib'
}

@test "exec errors: the wrong architecture" {
  cp b/rootfs/bin/busybox b/rootfs/foreign
  printf '\xb7\x00' | dd of=b/rootfs/foreign bs=1 seek=18 conv=notrunc 2>/dev/null # e_machine: AArch64
  [[ $(uname -m) != aarch64 ]] || skip 'needs another machine than AArch64'
  refused 126 /foreign 'exec format error' 'AArch64' 'this machine is'
}

@test "exec errors: no program at all" {
  echo 'echo hello' >b/rootfs/text
  : >b/rootfs/empty
  chmod 755 b/rootfs/text b/rootfs/empty
  refused 126 /text 'exec format error' '#!/bin/sh'
  refused 126 /empty 'exec format error' 'the file is empty'
}

@test "exec errors: not executable, a directory, noexec" {
  echo '#!/bin/sh' >b/rootfs/script
  chmod 644 b/rootfs/script
  refused 126 /script 'permission denied' 'chmod +x'
  refused 126 /etc 'permission denied' 'it is a directory'
  edit_config b '.mounts += [{destination: "/noexec", type: "bind", source: $s, options: ["bind", "noexec"]}]' --arg s "$TEST_DIR/shared"
  mkdir shared
  cp b/rootfs/bin/busybox shared/true
  refused 126 /noexec/true 'permission denied' 'mounted noexec'
}

@test "exec errors: not by this user" {
  mkdir b/rootfs/closed
  cp b/rootfs/bin/busybox b/rootfs/closed/true
  chmod 700 b/rootfs/closed
  edit_config b '.process.user = {uid: 1234, gid: 1234} | .process.capabilities = {}'
  refused 126 /closed/true 'permission denied' 'user 1234'
}

@test "exec errors: empty arguments" {
  edit_config b '.process.args = []'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line args
  edit_config b '.process.args = [""]'
  run --separate-stderr run_bundle b
  assert_failure
  assert_one_error_line args
}

@test "exec errors: the log has it, as JSON" {
  edit_config b '.process.args = ["/nope"]'
  run -127 rocker_runc --log log.json --log-format json run --bundle b "$(new_id)"
  assert_json '.level' '"error"' log.json
  jq -e '.msg | contains("no such file or directory")' log.json
}

@test "exec errors: create tells what is missing, start the rest" {
  edit_config b '.process.args = ["/nope"]'
  run -127 --separate-stderr rocker_runc create --bundle b "$(new_id)"
  assert_one_error_line 'exec: "/nope": no such file or directory'
  assert_no_leftovers
  printf '#!/bin/nope' >b/rootfs/script
  chmod 755 b/rootfs/script
  edit_config b '.process.args = ["/script"]'
  rocker_runc create --bundle b "$(new_id)" </dev/null >create.log 2>&1 3>&-
  run -127 --separate-stderr rocker_runc start "$(new_id)"
  assert_one_error_line 'its interpreter (#!) "/bin/nope"'
}
