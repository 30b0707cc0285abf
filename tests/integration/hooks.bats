#!/usr/bin/env bats
# hooks: config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle".

load helpers
load lifecycle

# Hooks of the container's namespaces see the host's files until the root is changed, startContainer the container's.
where() { if [[ $1 = startContainer ]]; then echo /; else echo "$TEST_DIR/"; fi; }

# Adds a hook of KIND that runs a shell script; the state is on its standard input.
add_hook() { # KIND SCRIPT [FILTER of the hook]
  edit_config b '.hooks[$kind] += [{path: "/bin/sh", args: ["sh", "-c", $script]} | '"${3:-.}"']' \
    --arg kind "$1" --arg script "$2"
}

# Every hook of the six appends its name to `order`, and keeps its state.
all_hooks() {
  local kind
  for kind in prestart createRuntime createContainer startContainer poststart poststop; do
    add_hook "$kind" "cat >$(where $kind)state.$kind; echo $kind >>$(where $kind)order"
  done
}

order() { tr '\n' ' ' <order; }

@test "hooks: all six, in the order of the lifecycle, several of a kind in the order that they are given in" {
  make_bundle b '.process.args = ["sh", "-c", "echo program >>/order"]'
  # One place for all of them to write to.
  : >order
  edit_config b '.mounts += [{destination: "/order", source: $file, options: ["bind"]}]' --arg file "$TEST_DIR/order"
  all_hooks
  add_hook prestart "cat >/dev/null; echo prestart2 >>$TEST_DIR/order"
  add_hook startContainer "cat >/dev/null; echo startContainer2 >>/order"
  create_container "$(new_id)" b
  assert_equal "$(order)" 'prestart prestart2 createRuntime createContainer '
  rocker_runc start "$(new_id)"
  wait_until 5 is_status "$(new_id)" stopped
  # poststart may be before or after what the program does.
  assert_equal "$(order | sed 's/poststart //')" \
    'prestart prestart2 createRuntime createContainer startContainer startContainer2 program '
  grep -qx poststart order
  : >order
  rocker_runc delete "$(new_id)"
  assert_equal "$(order)" 'poststop '
}

@test "hooks: the state on standard input has the right status and pid" {
  needs schemas
  sleeping_bundle b '.annotations = {a: "b"}'
  all_hooks
  run_detached "$(new_id)" b
  local pid kind want file
  pid=$(container_pid "$(new_id)")
  rocker_runc delete -f "$(new_id)"
  for want in prestart:creating:$pid createRuntime:creating:$pid createContainer:creating:1 \
    startContainer:created:1 poststart:running:$pid poststop:stopped:null; do
    IFS=: read -r kind status pid <<<"$want"
    file=state.$kind
    [[ $kind != startContainer ]] || file=b/rootfs/$file
    assert_valid "$SCHEMAS/state-schema.json" "$file"
    assert_json '[.status, (if .pid == 0 then null else .pid end)]' "[\"$status\",$pid]" "$file"
    assert_json '[.id, .bundle, .annotations]' "[\"$(new_id)\",\"$TEST_DIR/b\",{\"a\":\"b\"}]" "$file"
  done
}

@test "hooks: in the namespaces that the spec says" {
  make_bundle b '.process.args = ["true"]'
  local kind
  for kind in prestart createRuntime createContainer startContainer poststart poststop; do
    add_hook "$kind" "cat >/dev/null; readlink /proc/self/ns/uts /proc/self/ns/net >$(where $kind)ns.$kind 2>&1 ||
      { readlink /proc/self/ns/uts; readlink /proc/self/ns/net; } >$(where $kind)ns.$kind"
  done
  rocker_runc run b "$(new_id)" </dev/null
  local host
  host=$(readlink /proc/self/ns/uts /proc/self/ns/net)
  for kind in prestart createRuntime poststart poststop; do assert_equal "$(cat "ns.$kind")" "$host"; done
  [[ $(cat ns.createContainer) != "$host" ]]
  assert_equal "$(cat b/rootfs/ns.startContainer)" "$(cat ns.createContainer)"
}

@test "hooks: mounts are there for createRuntime, and the root is not yet changed" {
  sleeping_bundle b '.mounts += [{destination: "/m", type: "tmpfs", source: "tmpfs"}]'
  # The way in is the pid of the state.
  # shellcheck disable=SC2016
  add_hook createRuntime 'pid=$(sed "s/.*\"pid\":\([0-9]*\).*/\1/"); grep "/rootfs/m " /proc/$pid/mounts >'"$TEST_DIR/mounts"
  run_detached "$(new_id)" b
  grep -q tmpfs mounts
}

@test "hooks: what createRuntime and createContainer do in the root file system is there for the program" {
  make_bundle b '.process.args = ["sh", "-c", "cat /m/one /m/two; ls /"] | .mounts += [{destination: "/m", type: "tmpfs", source: "tmpfs"}]'
  local pid='$(sed "s/.*\"pid\":\([0-9]*\).*/\1/")'
  # One enters the mount namespace by the pid, as NVIDIA's does; the other one is in it.
  add_hook createRuntime "nsenter --mount=/proc/$pid/ns/mnt sh -c 'echo one >$TEST_DIR/b/rootfs/m/one'"
  add_hook createContainer "cat >/dev/null; echo two >$TEST_DIR/b/rootfs/m/two"
  local option
  for option in '' --no-pivot; do
    # shellcheck disable=SC2086
    run rocker_runc run $option b "$(new_id)" </dev/null
    assert_success
    assert_line --index 0 one
    assert_line --index 1 two
    assert_line bin
    assert_not_exists b/rootfs/m/one
  done
  assert_nothing_made
}

@test "hooks: args and env are the hook's, env none of the caller's" {
  make_bundle b '.process.args = ["true"]'
  edit_config b '.hooks.prestart = [{path: "/bin/sh", args: ["zero", "-c", "cat >/dev/null; echo \"$0 $1\" >" + $dir + "/args; env >" + $dir + "/env", "one word", "two"], env: ["A=b c", "D="]}]' \
    --arg dir "$TEST_DIR"
  CALLERS=mine rocker_runc run b "$(new_id)" </dev/null
  assert_equal "$(cat args)" 'one word two'
  assert_equal "$(grep -vE '^(PWD|_|SHLVL)=' env)" $'A=b c\nD='
}

@test "hooks: the timeout kills the hook and what it has started" {
  make_bundle b '.process.args = ["touch", "/ran"]'
  add_hook prestart "cat >/dev/null; sleep 1234 & echo \$! >$TEST_DIR/child; wait" '.timeout = 1'
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 1
  assert_one_error_line 'timeout of 1 s'
  [[ $stderr == *'/hooks/prestart/0'* ]]
  wait_until 5 is_gone "$(cat child)"
  assert_not_exists b/rootfs/ran
  assert_nothing_made
}

@test "hooks: one that ends in time, reads nothing, or leaves something in the background is fine" {
  make_bundle b '.process.args = ["true"]'
  add_hook prestart 'exit 0' '.timeout = 5'
  add_hook createRuntime "sleep 3 & echo \$! >$TEST_DIR/child" '.timeout = 10'
  add_hook createContainer 'exec 0<&-'
  SECONDS=0
  rocker_runc run b "$(new_id)" </dev/null 3>&- 4>&-
  [[ $SECONDS -lt 3 ]]
  kill "$(cat child)" 2>/dev/null || :
}

@test "hooks: a failing prestart, createRuntime or createContainer hook stops and destroys the container" {
  local kind
  for kind in prestart createRuntime createContainer; do
    make_bundle b '.process.args = ["touch", "/ran"]'
    add_hook poststop "cat >/dev/null; echo poststop >>$TEST_DIR/order"
    add_hook "$kind" 'cat >/dev/null; echo "what is wrong" >&2; exit 3'
    add_hook "$kind" "echo next >>$TEST_DIR/order"
    : >order
    run --separate-stderr rocker_runc create --bundle b "$(new_id)" </dev/null
    assert_failure 1
    assert_one_error_line "/hooks/$kind/0"
    [[ $stderr == *'exit status 3'* && $stderr == *'what is wrong'* ]]
    # "Continue the lifecycle at step 12": destroyed, and the poststop hooks run.
    assert_equal "$(order)" 'poststop '
    assert_nothing_made
    rm -r b
  done
}

@test "hooks: a failing startContainer hook stops and destroys the container" {
  make_bundle b '.process.args = ["touch", "/ran"]'
  add_hook startContainer 'exit 3'
  add_hook poststop "cat >/dev/null; echo poststop >>$TEST_DIR/order"
  create_container "$(new_id)" b
  run --separate-stderr rocker_runc start "$(new_id)"
  assert_failure 1
  assert_one_error_line '/hooks/startContainer/0'
  assert_not_exists b/rootfs/ran
  assert_equal "$(order)" 'poststop '
  assert_nothing_made
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 1
  assert_one_error_line '/hooks/startContainer/0'
  assert_equal "$(order)" 'poststop poststop '
  assert_nothing_made
}

@test "hooks: a failing poststart hook stops and destroys the container" {
  sleeping_bundle b
  add_hook poststart 'exit 3'
  add_hook poststop "cat >/dev/null; echo poststop >>$TEST_DIR/order"
  create_container "$(new_id)" b
  local pid
  pid=$(container_pid "$(new_id)")
  run --separate-stderr rocker_runc start "$(new_id)"
  assert_failure 1
  assert_one_error_line '/hooks/poststart/0'
  is_gone "$pid"
  assert_equal "$(order)" 'poststop '
  assert_nothing_made
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 1
  assert_equal "$(order)" 'poststop poststop '
  assert_nothing_made
}

@test "hooks: a failing poststop hook is a warning, the others run" {
  make_bundle b '.process.args = ["true"]'
  add_hook poststop 'exit 3'
  add_hook poststop "cat >/dev/null; echo second >>$TEST_DIR/order"
  rocker_runc run --keep b "$(new_id)" </dev/null
  run --separate-stderr rocker_runc --log log --log-format json delete "$(new_id)"
  assert_success
  [[ $stderr == *warning*'/hooks/poststop/0'* ]]
  assert_json .level '"warning"' log
  assert_equal "$(order)" 'second '
  assert_nothing_made
}

@test "hooks: one that can't be executed, or is killed" {
  make_bundle b '.process.args = ["true"]'
  edit_config b '.hooks.prestart = [{path: "/no/such/hook"}]'
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 1
  assert_one_error_line /no/such/hook
  # shellcheck disable=SC2016
  edit_config b '.hooks.prestart = [{path: "/bin/sh", args: ["sh", "-c", "kill -9 $$"]}]'
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 1
  assert_one_error_line 'signal 9'
  edit_config b '.hooks.prestart = [{path: "relative"}]'
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure 1
  assert_one_error_line relative
  assert_nothing_made
}

@test "hooks: one may ask the runtime for the state, and gets no descriptor of its" {
  sleeping_bundle b
  add_hook createRuntime "'$ROCKER_RUNC' --root '$RUNC_ROOT' state '$(new_id)' >$TEST_DIR/asked; ls -l /proc/self/fd >$TEST_DIR/fds" '.timeout = 10'
  run_detached "$(new_id)" b
  assert_json '.status' '"creating"' asked
  # 0, 1, 2, and the folder that ls reads.
  assert_equal "$(grep -c -- '->' fds)" 4
}
