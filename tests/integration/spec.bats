#!/usr/bin/env bats
# spec: a config.json to begin with.

load helpers
load lifecycle

@test "spec: a config.json that is valid" {
  needs schemas
  rocker_runc spec
  assert_valid "$SCHEMAS/config-schema.json" config.json
  assert_json .process.args '["sh"]' config.json
  mkdir b
  rocker_runc spec --bundle b --rootless
  assert_valid "$SCHEMAS/config-schema.json" b/config.json
}

@test "spec: never over a config.json that is there" {
  echo mine >config.json
  run --separate-stderr rocker_runc spec
  assert_failure 1
  assert_one_error_line 'config.json exists'
  assert_equal "$(cat config.json)" mine
  run --separate-stderr rocker_runc spec --bundle nowhere
  assert_failure 1
  assert_one_error_line nowhere
}

@test "spec: what it writes runs as it is, under every runtime of this machine" {
  mkdir b
  cp -a "$(busybox_rootfs)" b/rootfs
  rocker_runc spec --bundle b
  # As a user has it, with a terminal; conmon and the like change no more than this.
  jq '.process.terminal = false' b/config.json >c && mv c b/config.json
  local name
  for name in $(runtimes); do
    run runtime "$name" run --bundle b "$(new_id "$name")" <<<'hostname; id -u; touch /x 2>/dev/null || echo read-only; exit 5'
    [[ $status = 5 && $output = $'rocker\n0\nread-only' ]] || fail "$name: $status: $output: ${stderr-}"
  done
}

@test "spec: with the terminal that it asks for" {
  needs command tmux
  mkdir b
  cp -a "$(busybox_rootfs)" b/rootfs
  rocker_runc spec --bundle b
  terminal "'$ROCKER_RUNC' --root '$RUNC_ROOT' run --bundle b $(new_id)"
  wait_for_screen '^/ #'
  type_keys 'tty; hostname' Enter
  wait_for_screen '^rocker'
  type_keys 'exit 3' Enter
  wait_for_screen 'status 3'
}

@test "spec: --rootless runs as an ordinary user, under every runtime of this machine" {
  needs userns
  needs command setpriv
  mkdir b root
  cp -a "$(busybox_rootfs)" b/rootfs
  chown -R 1234:1234 b root
  local -a as_user=(setpriv --reuid 1234 --regid 1234 --clear-groups env XDG_RUNTIME_DIR="$TEST_DIR/root" HOME=/)
  "${as_user[@]}" "$ROCKER_RUNC" spec --bundle b --rootless
  assert_json '.linux.uidMappings, .linux.gidMappings' $'[{"containerID":0,"hostID":1234,"size":1}]\n[{"containerID":0,"hostID":1234,"size":1}]' b/config.json
  jq '.process.terminal = false' b/config.json >c && cat c >b/config.json
  local name
  for name in $(runtimes); do
    local -a command=("$name")
    [[ $name != rocker-runc ]] || command=("$ROCKER_RUNC")
    # crun tries newuidmap first, which complains about a user without a name.
    [[ $name != crun ]] || command=(crun --cgroup-manager disabled)
    run --separate-stderr for_crun "${as_user[@]}" "${command[@]}" --root "$TEST_DIR/root" run --bundle b "$(new_id "$name")" <<<'id -u; hostname; exit 6'
    [[ $status = 6 && $output = $'0\nrocker' ]] || fail "$name: $status: $output: ${stderr-}"
  done
}
