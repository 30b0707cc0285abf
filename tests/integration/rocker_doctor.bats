#!/usr/bin/env bats
# rocker doctor: every finding that can be provoked here, and the command that mends it.
load helpers

# Runs COMMAND in a mount namespace of its own, with doctor's verdict behind it: what it covers is covered for doctor.
doctor_after() { # COMMAND [ROOT]
  # shellcheck disable=SC2016
  run --separate-stderr unshare --mount --propagation private sh -c 'eval "$1"; exec "$2" --root "$3" container doctor' - \
    "$1" "$ROCKER_IMAGE" "${2:-$ROCKER_ROOT}"
}

# That doctor found a problem (or a note), and says on the next line what mends it.
assert_finding() { # problem|note TEXT MEND
  local i
  for ((i = 0; i < ${#lines[@]}; i++)); do
    [[ ${lines[i]} == "$1 "*"$2"* ]] || continue
    [[ ${lines[i+1]-} == *"mend it: $3"* ]] || fail "the next line of \"$2\" is \"${lines[i+1]-}\", not $3"
    [[ $1 = note || $status = 1 ]] || fail "a problem, but the status is $status"
    return
  done
  printf '%s\n' "$output" | batslib_decorate "no $1 with \"$2\"" | fail
}

@test "doctor: whoever is well gets an ok for each thing, and every finding has its remedy" {
  run --separate-stderr rocker doctor
  assert_equal "$stderr" ''
  assert_line --regexp '^ok +run by root'
  assert_line --regexp '^ok +namespaces can be made'
  assert_line --regexp '^ok +conmon is there'
  local i
  for ((i = 0; i < ${#lines[@]}; i++)); do
    case ${lines[i]} in problem*|note*) [[ ${lines[i+1]-} == *'mend it: '?* ]] || fail "no remedy: ${lines[i]}" ;; esac
  done
}

@test "doctor: a helper that is missing is named, with what needs it and its package" {
  mkdir bin
  local program
  for program in tar sh; do ln -s "$(command -v $program)" bin; done
  PATH=$TEST_DIR/bin run "$ROCKER_IMAGE" container doctor
  assert_finding problem 'conmon is missing, which is needed for run -d' 'apt-get install conmon'
  assert_finding problem 'catatonit is missing, which is needed for run --init' 'apt-get install catatonit'
  assert_finding problem 'ps is missing' 'apt-get install procps'
  assert_line --regexp '^ok +tar is there'
  rm bin/tar
  PATH=$TEST_DIR/bin run "$ROCKER_IMAGE" container doctor
  assert_finding problem 'tar is missing' 'apt-get install tar'
}

@test "doctor: a runtime that is not there" {
  ROCKER_RUNTIME=/no/such run "$ROCKER_IMAGE" container doctor
  assert_finding problem 'the runtime /no/such is not there' 'set ROCKER_RUNTIME'
}

@test "doctor: somebody who is not root" {
  run setpriv --reuid 65534 --regid 65534 --clear-groups "$ROCKER_IMAGE" --root /var/empty container doctor
  assert_finding problem 'not run by root' sudo
}

@test "doctor: where no namespace can be made" {
  run setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$ROCKER_IMAGE" container doctor
  assert_finding problem "namespaces can't be made here" 'run outside of a container'
}

@test "doctor: sysctls" {
  echo 4194304 >many
  echo 32768 >few
  doctor_after 'mount --bind few /proc/sys/kernel/pid_max'
  assert_finding note 'only 32768 processes' 'sysctl kernel.pid_max='
  echo 64 >few
  doctor_after 'mount --bind few /proc/sys/fs/inotify/max_user_instances'
  assert_finding note 'only 64 inotify instances' 'sysctl fs.inotify.max_user_instances='
  doctor_after 'mount --bind many /proc/sys/fs/inotify/max_user_instances'
  refute_output --partial inotify
}

@test "doctor: user namespaces that are switched off, each way with its sysctl" {
  needs userns
  echo 0 >zero
  echo 1 >one
  # In a user namespace of its own, whose number of namespaces is its own too.
  inside() { # COMMAND
    # shellcheck disable=SC2016
    run unshare --user --map-root-user --mount sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; eval "$1"
      exec "$2" --root "$3" container doctor' - "$1" "$ROCKER_IMAGE" "$ROCKER_ROOT"
  }
  inside true
  assert_finding note 'user namespaces are switched off' 'sysctl user.max_user_namespaces='
  inside 'mount -t tmpfs tmpfs /proc/sys/kernel; cp one /proc/sys/kernel/apparmor_restrict_unprivileged_userns'
  assert_finding note 'AppArmor restricts user namespaces' 'apt-get install rocker-runc'
  inside 'mount --bind one /proc/sys/user/max_user_namespaces; mount -t tmpfs tmpfs /proc/sys/kernel; cp zero /proc/sys/kernel/unprivileged_userns_clone'
  assert_finding note 'user namespaces are for root only' 'sysctl kernel.unprivileged_userns_clone=1'
}

@test "doctor: cgroup v1 without a controller, and without swap accounting" {
  doctor_after 'mount -t tmpfs tmpfs /sys/fs/cgroup; cd /sys/fs/cgroup; mkdir cpu cpuset pids devices freezer blkio'
  assert_finding problem 'the cgroup controller memory is not mounted' 'mkdir -p /sys/fs/cgroup/memory && mount -t cgroup -o memory cgroup'
  doctor_after 'mount -t tmpfs tmpfs /sys/fs/cgroup; cd /sys/fs/cgroup; mkdir cpu cpuset pids devices freezer blkio memory'
  refute_output --partial 'not mounted'
  assert_finding note 'swap is not counted' 'boot with swapaccount=1'
}

@test "doctor: cgroup v2 without a controller, and with one that is not delegated" {
  doctor_after 'mount -t tmpfs tmpfs /sys/fs/cgroup; cd /sys/fs/cgroup
    echo cpuset cpu io memory >cgroup.controllers; echo cpu memory >cgroup.subtree_control'
  assert_finding problem 'the kernel has no cgroup controller pids' 'boot without cgroup_disable=pids'
  assert_finding note 'the controller cpuset is not delegated yet' 'echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control'
  refute_output --partial 'the controller memory is not'
}

@test "doctor: the file system of the store" {
  needs overlay
  mkdir disk lower upper work merged
  run "$ROCKER_IMAGE" --root "$TEST_DIR/disk/store" container doctor
  assert_line --regexp '^ok +the store .* can carry overlays'
  doctor_after 'mount -t tmpfs -o size=2g tmpfs disk' "$TEST_DIR/disk/store"
  assert_finding note 'lies on a tmpfs: it is gone after a reboot' 'rocker --root DIR'
  doctor_after 'mount -t tmpfs -o size=1m tmpfs disk' "$TEST_DIR/disk/store"
  assert_finding problem 'less than 1 GB is free below' 'rocker system prune -a'
  doctor_after 'mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work rocker-test merged' "$TEST_DIR/merged/store"
  assert_finding note 'lies on overlayfs' 'rocker --root DIR'
  doctor_after 'printf "nodev\tproc\n\text4\n" >known; mount --bind known /proc/filesystems'
  assert_finding problem 'no overlayfs' 'modprobe overlay'
}
