# lifecycle.bash - for the tests of the runtime's commands.
# shellcheck shell=bash

# A container that is created and not started, of a bundle that sleeps unless a filter says otherwise.
create_container() { # ID BUNDLE [OPTION...]
  local id=$1 bundle=$2
  shift 2
  # The container's init would keep bats' own descriptors open.
  rocker_runc create --bundle "$bundle" "$@" "$id" </dev/null >"$TEST_DIR/$id.log" 2>&1 3>&- 4>&-
}

sleeping_bundle() { # DIR [FILTER [JQ-ARGUMENT...]]
  local dir=$1
  shift
  make_bundle "$dir" '.process.args = ["sleep", "1000"]'
  [[ $# = 0 ]] || edit_config "$dir" "$@"
}

# After a command that failed to make a container: no state and nothing else.
assert_nothing_made() {
  if [[ -d $RUNC_ROOT ]]; then assert_equal "$(ls -A "$RUNC_ROOT")" ''; fi
  assert_no_leftovers
}

is_status() { # ID STATUS
  [[ $(container_status "$1") = "$2" ]]
}

is_gone() { # PID
  [[ ! -d /proc/$1 || $(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null) = [ZX] ]]
}

# Waits for a child of the test, and puts its exit status where `run` would.
wait_for() { # PID
  status=0 output=
  wait "$1" || status=$?
}
