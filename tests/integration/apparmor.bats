#!/usr/bin/env bats
# process.apparmorProfile: config.md, "Linux Process". Where the host has no AppArmor, a guest has.
# vm: v2

load helpers

PATH=$PATH:/usr/sbin:/sbin # apparmor_parser

load_profile() { # NAME: may do everything but read /etc/secret
  needs apparmor
  needs command apparmor_parser
  mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security
  printf 'profile %s flags=(attach_disconnected) {\n file,\n capability,\n network,\n mount,\n signal,\n ptrace,\n deny /etc/secret rw,\n}\n' \
    "$1" >"$TEST_DIR/profile"
  apparmor_parser --replace --skip-cache "$TEST_DIR/profile"
}

teardown() {
  [[ ! -s $TEST_DIR/profile ]] || apparmor_parser --remove "$TEST_DIR/profile" 2>/dev/null || :
  teardown_test
}

@test "apparmor: the process is confined by its profile, and enforced" {
  load_profile "$TEST_TAG"
  make_bundle b '.process.args = ["sh", "-c", "cat /proc/self/attr/current; cat /etc/other; cat /etc/secret"] | .process.apparmorProfile = $p' \
    --arg p "$TEST_TAG"
  echo readable >b/rootfs/etc/other
  echo secret >b/rootfs/etc/secret
  run rocker_runc run --bundle b "$(new_id)"
  assert_failure
  assert_line --index 0 "$TEST_TAG (enforce)"
  assert_line --index 1 readable
  assert_line --index 2 --partial 'Permission denied'
}

@test "apparmor: exec has the profile of config.json, and that of --apparmor" {
  load_profile "$TEST_TAG"
  make_bundle b '.process.args = ["sleep", "100"] | .process.apparmorProfile = $p' --arg p "$TEST_TAG"
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" cat /proc/self/attr/current
  assert_output "$TEST_TAG (enforce)"
  edit_config b 'del(.process.apparmorProfile)'
  run_detached "$(new_id two)" b
  run rocker_runc exec "$(new_id two)" cat /proc/self/attr/current
  assert_output unconfined
  run rocker_runc exec --apparmor "$TEST_TAG" "$(new_id two)" cat /proc/self/attr/current
  assert_output "$TEST_TAG (enforce)"
}

@test "apparmor: a profile that is not loaded is an error that says so" {
  needs apparmor
  make_bundle b '.process.apparmorProfile = "no-such-profile"'
  run --separate-stderr rocker_runc run --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line 'no-such-profile is not loaded'
  assert_no_leftovers
}

@test "apparmor: a profile on a host without AppArmor is an error, unconfined is none" {
  [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) != Y ]] || skip 'needs a host without AppArmor'
  make_bundle b '.process.args = ["echo", "runs"] | .process.apparmorProfile = "acme"'
  run --separate-stderr rocker_runc run --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line 'AppArmor is not enabled'
  assert_no_leftovers
  edit_config b '.process.apparmorProfile = "unconfined"'
  run rocker_runc run --bundle b "$(new_id)"
  assert_success
  assert_output runs
}

@test "selinux: a label on a host without SELinux is an error" {
  [[ ! -e /sys/fs/selinux/enforce ]] || skip 'needs a host without SELinux'
  make_bundle b '.process.selinuxLabel = "system_u:system_r:svirt_lxc_net_t:s0"'
  run --separate-stderr rocker_runc run --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line 'SELinux is not enabled'
  assert_no_leftovers
}
