# cgroup_helpers.bash - what the tests of control groups share. They run on the host, on a pure cgroup v2 and under
# systemd (make test-vm): ROCKER_TEST_DRIVER=systemd has every container made by the systemd driver.
# shellcheck shell=bash

on_v2() { [[ $(cgroup_mode) = v2 ]]; }
by_systemd() { [[ ${ROCKER_TEST_DRIVER-} = systemd ]]; }

# linux.cgroupsPath for a container of this test, in the form that the driver takes.
cgroups_path() { # NAME
  if by_systemd; then echo "system.slice:rkt:$TEST_TAG-$1"; else echo "/$TEST_TAG/$1"; fi
}

# A bundle whose root is the shared busybox, read-only, that sleeps, with these resources (JSON).
limited_bundle() { # DIR [RESOURCES [FILTER [JQ-ARGUMENT...]]]
  local dir=$1 resources=${2:-'{}'} filter=${3:-.} rootfs
  shift "$(($# < 3 ? $# : 3))"
  rootfs=$(busybox_rootfs)
  mkdir -p "$dir"
  jq --argjson resources "$resources" --arg rootfs "$rootfs" --arg default_path "$(cgroups_path "${dir##*/}")" "$@" '
    .process.terminal = false | .process.args = ["sleep", "1000"] | .root = {path: $rootfs, readonly: true}
    | .linux.cgroupsPath = $default_path
    | .linux.resources = ({devices: [{allow: false, access: "rwm"}]} * $resources) | '"$filter" \
    "$(spec_config)" >"$dir/config.json"
}

# A container in the background with these resources.
start_limited() { # NAME [RESOURCES [FILTER [JQ-ARGUMENT...]]]
  limited_bundle "$@"
  run_detached "$(new_id "$1")" "$1" || { cat "$TEST_DIR/$(new_id "$1").log" >&2; return 1; }
}

# What a file of the container's group holds. For v1 "CONTROLLER/FILE", for v2 "FILE".
group_file() { # NAME V1-FILE V2-FILE
  local pid file=$2
  pid=$(container_pid "$(new_id "$1")")
  if on_v2; then cat "$(cgroup_dir any "$pid")/$3"; else cat "$(cgroup_dir "${file%%/*}" "$pid")/${file#*/}"; fi
}

assert_group() { # NAME V1-FILE V1-VALUE V2-FILE V2-VALUE
  local expected=$3 actual what=$2
  if on_v2; then expected=$5 what=$4; fi
  actual=$(group_file "$1" "$2" "$4") || fail "$what can't be read"
  [[ $actual = "$expected" ]] || {
    batslib_print_kv_single 8 file "$what" expected "$expected" actual "$actual" | batslib_decorate 'another value' | fail
  }
}

is_stopped() { # ID
  [[ $(container_status "$1") = stopped ]]
}

# That the container can't be made, with one line that has PART in it, and that nothing of it is left.
assert_refused() { # PART NAME RESOURCES [FILTER [JQ-ARGUMENT...]]
  local part=$1
  shift
  limited_bundle "$@"
  edit_config "$1" '.process.args = ["true"]'
  run --separate-stderr rocker_runc run --bundle "$1" "$(new_id "$1")" </dev/null
  assert_failure
  assert_one_error_line "$part"
  assert_nothing_of "$1"
}

assert_nothing_of() { # NAME
  local left
  left=$(find /sys/fs/cgroup -type d -name "*$TEST_TAG-$1*" -o -type d -path "*$TEST_TAG*/$1")
  [[ -z $left ]] || { printf '%s\n' "$left" | batslib_decorate 'groups are left' | fail; }
}

# A disk that can be read without harm, as MAJOR:MINOR, for limits on I/O.
test_disk() {
  local disk
  for disk in /sys/block/vd? /sys/block/sd? /sys/block/nvme?n1; do
    [[ -e $disk/dev && -b /dev/${disk##*/} ]] || continue
    echo "${disk##*/} $(cat "$disk/dev")"
    return
  done
  skip 'needs a disk'
}
