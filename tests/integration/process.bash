# process.bash - for the tests of what a process gets: a bundle with the program `probe` (tests/helpers/probe.cc) in it.
# shellcheck shell=bash

helper() { # NAME: the path of a program of tests/helpers
  [[ -x $BUILD/helpers/$1 ]] || fail "$BUILD/helpers/$1 is not built: run make $BUILD/helpers/$1"
  echo "$BUILD/helpers/$1"
}

probe_bundle() { # DIR [FILTER [JQ-ARGUMENT...]]: as make_bundle
  local probe
  probe=$(helper probe)
  make_bundle "$@"
  cp "$probe" "$1/rootfs/bin/probe"
}

# Runs the bundle in a container of its own, stdin empty.
run_bundle() { # DIR [OPTION...]
  local dir=$1
  shift
  rocker_runc run "$@" --bundle "$dir" "$(new_id "$dir")" </dev/null
}

# The same bundle under each runtime of this machine that is named, and all must say what rocker-runc says.
assert_same_as() { # DIR PEER...
  local dir=$1 peer mine theirs mine_status=0 theirs_status
  shift
  mine=$(run_bundle "$dir" 2>&1) || mine_status=$?
  for peer in "$@"; do
    command -v "$peer" >/dev/null || continue
    theirs_status=0
    theirs=$(runtime "$peer" run --bundle "$dir" "$(new_id "$peer")" </dev/null 2>&1) || theirs_status=$?
    [[ $mine = "$theirs" && $mine_status = "$theirs_status" ]] || {
      batslib_print_kv_single_or_multi 12 runtime "$peer" rocker-runc "$mine ($mine_status)" \
        "$peer" "$theirs ($theirs_status)" | batslib_decorate "$peer answers differently" | fail
    }
  done
}
