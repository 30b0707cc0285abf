# helpers.bash - what the integration tests share. A test file begins with `load helpers` (from another folder of
# tests/: `load ../integration/helpers`) and has then, in every test:
#
#   $TEST_DIR            a folder of its own, gone after the test with all that is mounted in it
#   $TEST_TAG            a word that is this test's alone: put it into every name outside $TEST_DIR
#   $ROCKER_ROOT         an empty image store in $TEST_DIR
#   rocker, rocker_image, rocker_runc     the programs that were built; rocker_runc with a --root of its own
#   runc_, crun_         Debian's runtimes in the same way (`needs peer runc`)
#   run, assert_success, assert_output --partial, …    of bats, bats-assert and bats-file
#
# setup and teardown are defined here; a file that has its own calls setup_test and teardown_test in them.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0
# All of this is read once for each test. The libraries ask dirname(1) for their folder, once for each of their files.
# shellcheck disable=SC2317  # they call it
dirname() { echo "${1%/*}"; }
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file
unset -f dirname

REPO=${BASH_SOURCE[0]%/tests/*}
BUILD=${BUILD:-$REPO/build}
[[ $BUILD = /* ]] || BUILD=$(realpath -m "$BUILD")
ROCKER=$BUILD/rocker
ROCKER_IMAGE=$BUILD/rocker-image
ROCKER_RUNC=$BUILD/rocker-runc
SCHEMAS=/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema
export LC_ALL=C.UTF-8 TZ=UTC
# For a machine that is busy with other things: how often a test that failed is tried again (.ci/run: once).
# shellcheck disable=SC2034
BATS_TEST_RETRIES=${ROCKER_TEST_RETRIES:-0}
# Nothing of the caller's is to reach the programs.
unset ROCKER_ROOT NOTIFY_SOCKET LISTEN_FDS LISTEN_PID LISTEN_FDNAMES XDG_RUNTIME_DIR

# shellcheck source=tests/cleanup.bash
source "$REPO/tests/cleanup.bash"

# ---- set up and tear down

setup() { setup_test; }
teardown() { teardown_test; }

setup_test() {
  needs root
  local program
  for program in "$ROCKER_IMAGE" "$ROCKER_RUNC"; do
    [[ -x $program ]] || fail "$program is not built: run make first"
  done
  # Made by tests/run for all files; by bats for one that is run alone.
  RUN_DIR=${ROCKER_TEST_RUN_DIR:-$BATS_RUN_TMPDIR}
  # As long as all others, so that none begins like another.
  printf -v TEST_TAG %07d $$
  TEST_DIR=$RUN_DIR/t.$TEST_TAG
  TEST_TAG=${ROCKER_TEST_RUN_TAG:-rkt$$}-$TEST_TAG
  # A process in a user namespace has to get there.
  [[ -n ${ROCKER_TEST_RUN_DIR-} ]] || chmod 755 "$RUN_DIR"
  mkdir -m 755 "$TEST_DIR"
  RUNC_ROOT=$TEST_DIR/runc
  export ROCKER_ROOT=$TEST_DIR/store TEST_DIR TEST_TAG
  cd "$TEST_DIR" || return
}

# Kills and removes what the test has made, also when it failed half-way.
teardown_test() {
  [[ -n ${TEST_DIR-} && -d $TEST_DIR ]] || return 0
  cd /
  local id ids=() root
  # Output that explains a failure.
  if [[ -z ${BATS_TEST_COMPLETED-} ]]; then
    for root in "$TEST_DIR"/*.log; do
      [[ ! -s $root ]] || { echo "--- ${root##*/}"; tail -n 20 "$root"; }
    done
  fi
  [[ ! -S ${TMUX_TMPDIR:-/tmp}/tmux-$EUID/$TEST_TAG ]] || tmux -L "$TEST_TAG" kill-server 2>/dev/null || :
  for id in "$ROCKER_ROOT"/containers/*/; do
    [[ -d $id ]] || continue
    id=${id%/}
    ids+=("${id##*/}")
  done
  if [[ ${#ids[@]} -gt 0 && -x $ROCKER ]]; then
    timeout 30 "$ROCKER" rm -f "${ids[@]}" >/dev/null 2>&1 || :
  fi
  for root in "$RUNC_ROOT" "$TEST_DIR/peer-runc" "$TEST_DIR/peer-crun"; do
    for id in "$root"/*/; do
      [[ -d $id ]] || continue
      id=${id%/}
      id=${id##*/}
      case $root in
        *peer-runc) timeout 20 runc --root "$root" delete -f "$id" ;;
        *peer-crun) crun_ delete -f "$id" ;;
        *) timeout 20 "$ROCKER_RUNC" --root "$root" delete -f "$id" ;;
      esac >/dev/null 2>&1 || :
    done
  done
  cleanup "$TEST_DIR" "$TEST_TAG" ${ids[@]+"${ids[@]}"}
}

# ---- what a test needs of the machine: skips by name what is not there

needs() { # root | peer runc|crun | command NAME | cgroup v1|hybrid|v2 | controller NAME | capability cap_NAME
  #         | kernel MAJOR.MINOR | overlay | userns | namespace KIND | apparmor | schemas
  case $1 in
    root) [[ $EUID = 0 ]] || skip 'needs root' ;;
    peer) command -v "$2" >/dev/null || skip "needs peer $2 (scripts/install-deps peers)" ;;
    command) command -v "$2" >/dev/null || skip "needs the command $2" ;;
    cgroup)
      case $2 in
        v1) [[ $(cgroup_mode) != v2 ]] || skip 'needs cgroup v1' ;;
        *) [[ $(cgroup_mode) = "$2" ]] || skip "needs cgroup $2, this machine has $(cgroup_mode)" ;;
      esac
      ;;
    controller) has_controller "$2" || skip "needs the cgroup controller $2" ;;
    capability)
      command -v capsh >/dev/null || skip "needs capsh to see whether there is $2"
      capsh --has-p="$2" >/dev/null 2>&1 || skip "needs $2"
      ;;
    kernel)
      [[ $(printf '%s\n%s\n' "$2" "$(uname -r)" | sort -V | head -n 1) = "$2" ]] || skip "needs Linux $2"
      ;;
    overlay) grep -qw overlay /proc/filesystems || skip 'needs overlayfs' ;;
    userns) unshare --user true 2>/dev/null || skip 'needs user namespaces' ;;
    namespace) [[ -e /proc/self/ns/$2 ]] || skip "needs $2 namespaces" ;;
    apparmor)
      [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) = Y ]] || skip 'needs AppArmor'
      ;;
    schemas) [[ -d $SCHEMAS ]] || skip 'needs golang-github-opencontainers-specs-dev' ;;
    *) fail "needs: unknown requirement $1" ;;
  esac
}

# v1 (controllers only there), hybrid (v1, and a v2 hierarchy beside them), v2 (nothing else).
cgroup_mode() {
  if [[ $(stat -fc %T /sys/fs/cgroup) = cgroup2fs ]]; then
    echo v2
  elif [[ -d /sys/fs/cgroup/unified ]]; then
    echo hybrid
  else
    echo v1
  fi
}

has_controller() { # NAME as of v1
  if [[ $(cgroup_mode) = v2 ]]; then
    local name=$1
    case $name in blkio) name=io ;; cpuacct) name=cpu ;; devices | freezer) return 0 ;; esac
    grep -qw "$name" /sys/fs/cgroup/cgroup.controllers
  else
    [[ -d /sys/fs/cgroup/$1 ]]
  fi
}

# The directory of the cgroup of a process, as the host sees it.
cgroup_dir() { # CONTROLLER PID
  if [[ $(cgroup_mode) = v2 ]]; then
    echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$2/cgroup")"
  else
    echo "/sys/fs/cgroup/$1$(awk -F: -v c="$1" '{ n = split($2, a, ","); for (i = 1; i <= n; i++)
      if (a[i] == c) print $3 }' "/proc/$2/cgroup")"
  fi
}

# ---- the programs

rocker() { "$ROCKER" "$@"; }
rocker_image() { "$ROCKER_IMAGE" "$@"; }
rocker_runc() { "$ROCKER_RUNC" --root "$RUNC_ROOT" ${ROCKER_TEST_DRIVER:+--systemd-cgroup} "$@"; }
runc_() { runc --root "$TEST_DIR/peer-runc" "$@"; }
# Debian's crun refuses a hybrid machine whose cgroup2 has controllers: it is not to see it.
crun_() { for_crun crun --root "$TEST_DIR/peer-crun" "$@"; }
for_crun() { # COMMAND...: where a hybrid machine's cgroup2 is out of sight
  # Read and not -s: a file of this file system is 0 bytes long.
  if [[ -n $(cat /sys/fs/cgroup/unified/cgroup.controllers 2>/dev/null) ]]; then
    # shellcheck disable=SC2016
    unshare --mount --propagation slave sh -c 'umount /sys/fs/cgroup/unified; exec "$@"' - "$@"
  else
    "$@"
  fi
}

# The runtimes of this machine, and a call of one by its name, to ask all of them the same.
runtimes() {
  echo rocker-runc
  local peer
  for peer in runc crun; do ! command -v "$peer" >/dev/null || echo "$peer"; done
}
runtime() { # NAME ARGUMENT...
  local name=$1
  shift
  case $name in
    rocker-runc) rocker_runc "$@" ;;
    *) "${name}_" "$@" ;;
  esac
}

# ---- images and bundles

# The file system that tests run in, made once a run. Nobody writes to it: copy it, or mount it read-only.
busybox_rootfs() {
  local rootfs=$RUN_DIR/busybox
  [[ -d $rootfs ]] || (
    flock 9
    [[ ! -d $rootfs ]] || exit 0
    mkdir "$rootfs.new"
    tar -xzf "$(busybox_tar)" -C "$rootfs.new"
    mv "$rootfs.new" "$rootfs"
  ) 9>"$RUN_DIR/busybox.lock"
  echo "$rootfs"
}

busybox_tar() {
  local tar=$REPO/base-image/busybox.tar
  [[ -f $tar ]] || (
    flock 9
    [[ -f $tar ]] || "$REPO/scripts/make-base-image" "$tar"
  ) 9>"$RUN_DIR/base-image.lock"
  echo "$tar"
}

# A bundle in DIR with a busybox of its own, whose config.json is what `spec` writes, without a terminal, then edited
# by the jq program. More arguments go to jq.
#   make_bundle b '.process.args = ["sh", "-c", $script]' --arg script 'echo hello'
make_bundle() { # DIR [FILTER [JQ-ARGUMENT...]]
  local dir=$1
  shift
  mkdir -p "$dir"
  cp -a "$(busybox_rootfs)" "$dir/rootfs"
  jq ${2+"${@:2}"} ".process.terminal = false | .root.readonly = false | ${1:-.}" "$(spec_config)" >"$dir/config.json"
}

# What `rocker-runc spec` writes, made once a run.
spec_config() {
  [[ -f $RUN_DIR/spec/config.json ]] || (
    flock 9
    [[ ! -f $RUN_DIR/spec/config.json ]] || exit 0
    mkdir "$RUN_DIR/spec.new"
    "$ROCKER_RUNC" spec --bundle "$RUN_DIR/spec.new"
    mv "$RUN_DIR/spec.new" "$RUN_DIR/spec"
  ) 9>"$RUN_DIR/spec.lock"
  echo "$RUN_DIR/spec/config.json"
}

edit_config() { # DIR FILTER [JQ-ARGUMENT...]
  local dir=$1 filter=$2
  shift 2
  jq "$@" "$filter" "$dir/config.json" >"$dir/config.json.new"
  mv "$dir/config.json.new" "$dir/config.json"
}

# The ID of a container that is this test's alone.
new_id() { # [NAME]
  echo "$TEST_TAG${1:+-$1}"
}

# A container of BUNDLE that runs in the background with the given program, and no descriptor of bats'.
run_detached() { # ID BUNDLE
  rocker_runc run --detach --bundle "$2" "$1" </dev/null >"$TEST_DIR/$1.log" 2>&1 3>&- 4>&-
}

container_pid() { # ID
  rocker_runc state "$1" | jq -r .pid
}

container_status() { # ID
  rocker_runc state "$1" | jq -r .status
}

# A store with busybox:latest in it.
import_busybox() { # [NAME]
  "$ROCKER_IMAGE" import "$(busybox_tar)" "${1:-busybox}" >/dev/null
}

# The setup of tests that run containers by rocker.
setup_containers() {
  setup_test
  needs overlay
  needs command conmon
  import_busybox busybox
}

# ---- waiting and asserting

# Until COMMAND succeeds; fails after so many seconds.
wait_until() { # SECONDS COMMAND...
  local seconds=$1 end=$((SECONDS + $1 + 1))
  shift
  until "$@"; do
    ((SECONDS < end)) || fail "not within $seconds s: $*"
    sleep 0.05
  done
}

assert_json() { # FILTER EXPECTED [FILE]: what jq makes of FILE, or of $output
  local actual
  if [[ $# -gt 2 ]]; then
    actual=$(jq -c "$1" "$3")
  else
    # shellcheck disable=SC2154  # set by run
    actual=$(jq -c "$1" <<<"$output")
  fi
  [[ $actual = "$2" ]] || {
    batslib_print_kv_single 8 filter "$1" expected "$2" actual "$actual" | batslib_decorate 'JSON differs' | fail
  }
}

# Exactly one line, and that on stderr (run --separate-stderr): how every error looks.
assert_one_error_line() { # [PART]
  # shellcheck disable=SC2154
  [[ -z $output ]] || { printf '%s\n' "$output" | batslib_decorate 'an error wrote to stdout' | fail; }
  # shellcheck disable=SC2154
  [[ ${#stderr_lines[@]} = 1 ]] || {
    printf '%s\n' "$stderr" | batslib_decorate "not one line on stderr but ${#stderr_lines[@]}" | fail
  }
  [[ $# = 0 || $stderr == *"$1"* ]] || {
    batslib_print_kv_single 8 expected "$1" stderr "$stderr" | batslib_decorate 'another error' | fail
  }
}

# That nothing of this test is left: processes, cgroups, mounts.
assert_no_leftovers() { # [TAG...]
  local left
  left=$(leftovers "$TEST_DIR" "$TEST_TAG" "$@")
  [[ -z $left ]] || { printf '%s\n' "$left" | batslib_decorate 'left behind' | fail; }
}

assert_valid() { # SCHEMA FILE
  local errors
  errors=$("$REPO/tests/schema-validate" "$1" "$2" 2>&1) || {
    printf '%s\n' "$errors" | batslib_decorate "$2 is not valid" | fail
  }
}

# ---- a real terminal: tmux, with a server of the test's own

terminal() { # COMMAND: starts it in a shell-less window of 80 by 24
  tmux -L "$TEST_TAG" -f /dev/null new-session -d -x 80 -y 24 -s t "$1; echo \"[status \$?]\"; sleep 1000"
}
type_keys() { tmux -L "$TEST_TAG" send-keys -t t "$@"; }
resize_terminal() { tmux -L "$TEST_TAG" resize-window -t t -x "$1" -y "$2"; } # COLUMNS LINES
screen() { tmux -L "$TEST_TAG" capture-pane -p -t t; }
screen_has() { screen | grep -qE -- "$1"; }
wait_for_screen() { # REGEX
  local end=$((SECONDS + 15))
  until screen_has "$1"; do
    ((SECONDS < end)) || { screen | batslib_decorate "the screen never showed $1" | fail; }
    sleep 0.05
  done
}
