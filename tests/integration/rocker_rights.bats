#!/usr/bin/env bats
# What a container may do: --privileged, --security-opt, block device rates.
load helpers

setup() {
  setup_test
  needs overlay
  import_busybox
}

inside() { run --separate-stderr timeout -s KILL 30 "$ROCKER" run --rm "$@" </dev/null; }

@test "--privileged: every capability and device, nothing masked, no filter" {
  # shellcheck disable=SC2016
  local look='grep -E "^(CapBnd|Seccomp|NoNewPrivs):" /proc/self/status; ls /dev | wc -l; grep -c " /proc/kcore " /proc/mounts
    (echo x >/proc/sys/kernel/hostname) 2>/dev/null && echo writable'
  inside busybox sh -c "$look"
  assert_line --regexp '^Seccomp:.*2$'
  assert_line --regexp '^NoNewPrivs:.*1$'
  local few=${lines[0]} devices=${lines[3]}
  refute_line writable
  inside --privileged busybox sh -c "$look"
  assert_line --regexp '^Seccomp:.*0$'
  assert_line --regexp '^NoNewPrivs:.*0$'
  assert_line writable
  [[ ${lines[0]} != "$few" ]]
  # Whatever this machine has itself is there.
  assert_equal "${lines[0]##*:}" "$(grep CapBnd /proc/self/status | cut -d: -f2)"
  ((lines[3] > devices))
  assert_line --index 4 0
  inside --privileged busybox sh -c 'mount -t tmpfs tmpfs /mnt && echo mounted'
  assert_output mounted
  inside busybox mount -t tmpfs tmpfs /mnt
  assert_failure
}

# A profile in docker's format, with one rule more than a container needs to run.
profile() { # RULE
  jq -n --argjson rule "$1" '{defaultAction: "SCMP_ACT_ALLOW", archMap: [
    {architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"]}, {architecture: "SCMP_ARCH_AARCH64"}],
    syscalls: [$rule]}' >profile.json
}
mkdir_is() { # allowed|refused OPTION...
  local what=$1
  shift
  inside --security-opt seccomp=profile.json "$@" busybox mkdir /tmp/x
  if [[ $what = allowed ]]; then assert_success; else assert_failure && [[ $stderr == *'not permitted'* ]]; fi
}

@test "seccomp profiles of docker's: includes, excludes and minKernel" {
  local no='"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1'
  profile "{$no}"
  mkdir_is refused
  profile "{$no, \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}}"
  mkdir_is allowed
  mkdir_is refused --cap-add SYS_ADMIN
  profile "{$no, \"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}}"
  mkdir_is refused
  mkdir_is allowed --cap-add SYS_ADMIN
  profile "{$no, \"includes\": {\"minKernel\": \"4.8\"}}"
  mkdir_is refused
  profile "{$no, \"includes\": {\"minKernel\": \"99.0\"}}"
  mkdir_is allowed
  profile "{$no, \"excludes\": {\"minKernel\": \"4.8\"}}"
  mkdir_is allowed
  profile "{$no, \"includes\": {\"arches\": [\"amd64\", \"arm64\"]}}"
  mkdir_is refused
  profile "{$no, \"includes\": {\"arches\": [\"s390x\"]}}"
  mkdir_is allowed
  profile "{$no, \"excludes\": {\"arches\": [\"amd64\", \"arm64\"]}}"
  mkdir_is allowed
}

@test "a seccomp profile that is wrong names file and member" {
  echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": "SCMP_ACT_ERRNO"}]}' >profile.json
  inside --security-opt seccomp=profile.json busybox true
  assert_equal "$status" 125
  assert_one_error_line 'profile.json: /syscalls/0: names no system call'
  inside --security-opt seccomp=/no/such busybox true
  assert_equal "$status" 125
  assert_one_error_line /no/such
}

@test "--security-opt apparmor and label reach the bundle, or are refused by the host by name" {
  rocker create --name "$TEST_TAG" --security-opt apparmor=rocker-test --security-opt label=system_u:system_r:container_t:s0 busybox true
  run -0 jq -c '[.process.apparmorProfile, .process.selinuxLabel]' "$ROCKER_ROOT"/containers/*/config.json
  assert_output '["rocker-test","system_u:system_r:container_t:s0"]'
  rocker create --name "$TEST_TAG-2" --security-opt label=disable --security-opt apparmor=unconfined busybox true
  inside --security-opt label=user:me busybox true
  assert_equal "$status" 125
  assert_one_error_line 'expected "disable" or a whole label'
  if [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) = Y ]]; then
    inside --security-opt apparmor=rocker-no-such-profile busybox true
    assert_failure
    [[ $stderr == *rocker-no-such-profile* ]]
  else
    inside --security-opt apparmor=rocker-test busybox true
    assert_equal "$status" 125
    assert_one_error_line AppArmor
  fi
  inside --security-opt no-such=thing busybox true
  assert_equal "$status" 125
  assert_one_error_line no-such
}

@test "block devices: rates and weights reach the cgroup, or are refused by the kernel by name" {
  local device numbers
  device=$(lsblk -dnpo NAME,TYPE 2>/dev/null | awk '$2 == "disk" || $2 == "loop" { print $1; exit }')
  [[ -n $device ]] || skip 'needs a block device'
  numbers=$(lsblk -dno MAJ:MIN "$device" | tr -d ' ')
  rocker create --name "$TEST_TAG" --device-read-bps "$device:1mb" --device-write-bps "$device:2mb" \
    --device-read-iops "$device:100" --device-write-iops "$device:200" --blkio-weight 300 busybox true
  run -0 jq -c '.linux.resources.blockIO | [.weight, .throttleReadBpsDevice[0].rate, .throttleWriteBpsDevice[0].rate,
    .throttleReadIOPSDevice[0].rate, .throttleWriteIOPSDevice[0].rate, (.throttleReadBpsDevice[0] | "\(.major):\(.minor)")]' \
    "$ROCKER_ROOT"/containers/*/config.json
  assert_output "[300,1048576,2097152,100,200,\"$numbers\"]"
  has_controller blkio || skip 'needs the cgroup controller blkio'
  local file=/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device
  if [[ $(cgroup_mode) != v2 && -e $file ]]; then
    rocker run -d --name "$TEST_TAG-r" --device-read-bps "$device:1mb" busybox sleep 1000
    run -0 cat "$(cgroup_dir blkio "$(rocker inspect --format '{{.State.Pid}}' "$TEST_TAG-r")")/blkio.throttle.read_bps_device"
    assert_output "$numbers 1048576"
  else
    inside --device-read-bps "$device:1mb" busybox true
    [[ $status = 0 ]] || { assert_equal "$status" 125; [[ $stderr == *throttleReadBpsDevice* || $stderr == *io.max* ]]; }
  fi
}

@test "block devices: what is no device, and what is no rate" {
  inside --device-read-bps /dev/null:1mb busybox true
  assert_equal "$status" 125
  assert_one_error_line /dev/null
  inside --device-write-iops /no/such:1 busybox true
  assert_equal "$status" 125
  assert_one_error_line /no/such
  inside --blkio-weight 5 busybox true
  assert_equal "$status" 125
  assert_one_error_line --blkio-weight
}
