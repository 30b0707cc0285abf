#!/usr/bin/env bats
# kill -9 of the runtime, at any moment: `delete --force` cleans up, and nothing is left.
# vm: v2

load helpers
load lifecycle

# Kills the runtime so many milliseconds after its start, wherever it is by then.
crash() { # MILLISECONDS COMMAND...
  local delay=$1 runtime
  shift
  "$ROCKER_RUNC" --root "$RUNC_ROOT" "$@" </dev/null >crash.log 2>&1 3>&- 4>&- &
  runtime=$!
  sleep "$(printf '0.%03d' "$delay")"
  kill -KILL "$runtime" 2>/dev/null || :
  wait "$runtime" 2>/dev/null || :
}

nothing_left() { [[ -z $(leftovers "$TEST_DIR" "$TEST_TAG") ]]; }

assert_cleans_up() {
  run --separate-stderr timeout -s KILL 30 "$ROCKER_RUNC" --root "$RUNC_ROOT" delete --force "$(new_id)"
  [[ $status = 0 ]] || fail "delete -f: $status: $stderr"
  # A half-made container dies with its runtime, at once but not at the same time.
  wait_until 5 nothing_left
  assert_nothing_made
  # And the ID is free.
  timeout -s KILL 30 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle true "$(new_id)" </dev/null
}

setup() {
  setup_test
  sleeping_bundle b
  make_bundle true '.process.args = ["true"]'
}

@test "crash: in the middle of create" {
  local delay
  for delay in 1 3 5 8 12 20 40; do
    crash "$delay" create --bundle b "$(new_id)"
    assert_cleans_up
  done
}

# What no lucky moment hits: each rename is one of the files in the container's directory, as the container becomes
# known.
@test "crash: just before each of the steps that make the container known" {
  needs command strace
  local step status
  for step in 1 2 3 4; do
    status=0
    # The shell would tell of what was killed.
    { strace -o trace -e trace=renameat -e inject=renameat:error=EINTR:signal=KILL:when=$step \
      "$ROCKER_RUNC" --root "$RUNC_ROOT" create --bundle b "$(new_id)" </dev/null >crash.log 2>&1 3>&- 4>&-; } 2>/dev/null ||
      status=$?
    # There are three: the state, the configuration, and the state with the pid in it.
    if [[ $step = 4 ]]; then assert_equal "$status" 0; else assert_equal "$status" 137; fi
    assert_cleans_up
  done
}

@test "crash: in the middle of run" {
  local delay
  for delay in 2 6 10 15 30; do
    crash "$delay" run --bundle b "$(new_id)"
    assert_cleans_up
  done
}

@test "crash: while a hook runs, which is where a create is long" {
  local kind
  for kind in createRuntime createContainer; do
    cp b/config.json good.json
    edit_config b '.hooks[$kind] = [{path: "/bin/sh", args: ["sh", "-c", "echo $$ >" + $file + "; exec sleep 30"]}]' \
      --arg kind "$kind" --arg file "$TEST_DIR/hook"
    # Of a container that shares the host's PIDs the hook outlives init: only the record says whose group it is in.
    [[ $kind != createContainer ]] || edit_config b '.linux.namespaces |= map(select(.type != "pid"))'
    rm -f hook
    "$ROCKER_RUNC" --root "$RUNC_ROOT" create --bundle b "$(new_id)" </dev/null >crash.log 2>&1 3>&- 4>&- &
    wait_until 10 test -s hook
    assert_equal "$(container_status "$(new_id)")" creating
    kill -KILL "$!"
    wait "$!" 2>/dev/null || :
    # One that runs outside the container is a process of the host's, which nobody waits for any more.
    [[ $kind != createRuntime ]] || kill -KILL "$(cat hook)" 2>/dev/null || :
    assert_cleans_up
    mv good.json b/config.json
  done
}

@test "crash: of a run in the foreground, whose container lives on and is deleted" {
  "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)" </dev/null >crash.log 2>&1 3>&- 4>&- &
  running() { is_status "$(new_id)" running 2>/dev/null; }
  wait_until 10 running
  kill -KILL "$!"
  wait "$!" 2>/dev/null || :
  assert_equal "$(container_status "$(new_id)")" running
  assert_cleans_up
}
