#!/usr/bin/env bats
# linux.personality: config-linux.md, "Personality".

load helpers
load process

@test "personality: LINUX32 shows a 32-bit machine" {
  make_bundle b '.process.args = ["uname", "-m"] | .linux.personality = {domain: "LINUX32"}'
  run run_bundle b
  assert_success
  case $(uname -m) in
    x86_64) assert_output i686 ;;
    aarch64) assert_output --regexp '^armv[78]' ;;
    *) refute_output "$(uname -m)" ;;
  esac
  assert_same_as b crun
  edit_config b '.linux.personality = {domain: "LINUX"}'
  run run_bundle b
  assert_output "$(uname -m)"
}

@test "personality: exec has it too" {
  probe_bundle b '.process.args = ["sleep", "100"] | .linux.personality = {domain: "LINUX32"}'
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" probe persona
  assert_output 0x8
}

@test "personality: an unknown domain or flag is refused" {
  make_bundle b '.linux.personality = {domain: "BSD"}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line BSD
  edit_config b '.linux.personality = {domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"]}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line /linux/personality/flags
}
