#!/usr/bin/env bats
# The systemd driver (--systemd-cgroup).
# vm: v2 systemd

load helpers
load cgroup_helpers

setup() {
  setup_test
  by_systemd || skip 'needs a systemd that is PID 1 (make test-vm)'
}

teardown() {
  systemctl stop "$TEST_TAG-user" 2>/dev/null || :
  rm -rf "/run/rkt-$TEST_TAG"
  teardown_test
}

property() { systemctl show --value -p "$2" "rkt-$TEST_TAG-$1.scope"; }

@test "a transient, delegated scope in its slice, with what runc sets from resources" {
  start_limited c '{"memory": {"limit": 104857600, "swap": 209715200, "reservation": 52428800},
    "cpu": {"shares": 512, "quota": 50000, "period": 200000, "cpus": "0", "mems": "0"}, "pids": {"limit": 33},
    "unified": {"memory.high": "83886080"}}'
  assert_equal "$(property c Slice)" system.slice
  assert_equal "$(property c Transient)" yes
  assert_equal "$(property c Delegate)" yes
  assert_equal "$(property c MemoryMax)" 104857600
  assert_equal "$(property c MemorySwapMax)" 104857600
  assert_equal "$(property c MemoryLow)" 52428800
  assert_equal "$(property c MemoryHigh)" 83886080
  assert_equal "$(property c CPUWeight)" 59
  assert_equal "$(property c CPUQuotaPerSecUSec)" 250ms
  assert_equal "$(property c CPUQuotaPeriodUSec)" 200ms
  assert_equal "$(property c AllowedCPUs)" 0
  assert_equal "$(property c AllowedMemoryNodes)" 0
  assert_equal "$(property c TasksMax)" 33
  assert_equal "$(property c DevicePolicy)" strict
  run property c DeviceAllow
  assert_output --partial '/dev/char/1:3 rwm'
}

@test "a reload of systemd takes nothing away" {
  start_limited c '{"memory": {"limit": 104857600}, "pids": {"limit": 33}, "cpu": {"quota": 33333}}'
  systemctl daemon-reload
  assert_group c - - memory.max 104857600
  assert_group c - - pids.max 33
  run rocker_runc exec "$(new_id c)" sh -c 'echo >/dev/null && echo fine'
  assert_output fine
}

@test "annotations become properties" {
  start_limited c '{}' '.annotations += {"org.systemd.property.TimeoutStopSec": "uint64 7",
    "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'", "org.systemd.property.TasksMax": "uint64 44"}'
  assert_equal "$(property c TimeoutStopUSec)" 7s
  assert_equal "$(property c CollectMode)" inactive-or-failed
  assert_equal "$(property c TasksMax)" 44
  assert_refused 'org.systemd.property.Foo' d '{}' '.annotations += {"org.systemd.property.Foo": "tru"}'
  assert_refused 'rkt-' e '{}' '.annotations += {"org.systemd.property.NoSuchProperty": "true"}'
}

@test "an update reaches systemd and the files" {
  start_limited c
  rocker_runc update --memory 64m --pids-limit 55 --cpu-quota 25000 "$(new_id c)"
  assert_equal "$(property c MemoryMax)" 67108864
  assert_equal "$(property c TasksMax)" 55
  assert_equal "$(property c CPUQuotaPerSecUSec)" 250ms
  assert_group c - - memory.max 67108864
  systemctl daemon-reload
  assert_group c - - memory.max 67108864
}

@test "no unit is left, also of one that was killed for memory" {
  start_limited c
  rocker_runc delete -f "$(new_id c)"
  limited_bundle d '{"memory": {"limit": 33554432, "swap": 33554432}}' \
    '.process.args = ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=200M count=1"]'
  run rocker_runc run --bundle d "$(new_id d)"
  assert_failure 137
  run systemctl list-units --all --no-legend "*$TEST_TAG*"
  assert_output ''
  # A failed unit of the same name, left by somebody else, is no obstacle.
  systemd-run --scope --unit "rkt-$TEST_TAG-e.scope" false || :
  start_limited e
}

@test "libsystemd is loaded only when it is asked for" {
  run ldd "$ROCKER_RUNC"
  refute_output --partial libsystemd
  run readelf --notes "$ROCKER_RUNC"
  assert_output --partial .note.dlopen
}

@test "rootless: the scope is made by the user's own systemd, and no other user's bus is asked" {
  needs userns
  [[ -e /usr/lib/systemd/user/dbus.socket ]] || skip 'needs dbus-user-session'
  # A user who has a name, for dbus-daemon asks for it, and a systemd of his own.
  local user=games runtime=/run/rkt-$TEST_TAG
  install -d -o "$user" -m 700 "$runtime" user
  local -a as_user=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups env -i PATH="$PATH" HOME="$runtime"
    XDG_RUNTIME_DIR="$runtime")
  systemd-run --quiet --unit "$TEST_TAG-user" --uid="$user" -p Delegate=yes -p KillMode=mixed \
    --setenv=XDG_RUNTIME_DIR="$runtime" --setenv=HOME="$runtime" /lib/systemd/systemd --user --unit=dbus.socket
  wait_until 60 test -S "$runtime/bus"
  cp -a "$(busybox_rootfs)" user/rootfs
  chown -R "$user" user
  (cd user && "${as_user[@]}" "$ROCKER_RUNC" spec --rootless)
  edit_config user '.process.terminal = false | .process.args = ["sleep", "1000"] | .linux.resources = {memory: {limit: 67108864}, pids: {limit: 50}}
    | .linux.cgroupsPath = "user.slice:rkt:mine"'
  chown "$user" user/config.json
  local -a runc=("$ROCKER_RUNC" --root "$runtime/runc" --log "$runtime/log" --systemd-cgroup)
  "${as_user[@]}" systemd-run --user --quiet --wait --collect -p KillMode=process \
    "${runc[@]}" run --detach --bundle "$TEST_DIR/user" "$(new_id)" || fail "$(cat "$runtime/log")"
  local pid
  pid=$("${as_user[@]}" "${runc[@]}" state "$(new_id)" | jq .pid)
  run cat "/proc/$pid/cgroup"
  assert_output --regexp "^0::/.*$TEST_TAG-user.service/user.slice/rkt-mine.scope$"
  assert_equal "$(cat "/sys/fs/cgroup${output#0::}/memory.max")" 67108864
  assert_equal "$(cat "/sys/fs/cgroup${output#0::}/pids.max")" 50
  "${as_user[@]}" "${runc[@]}" update --pids-limit 60 "$(new_id)"
  assert_equal "$(cat "/sys/fs/cgroup${output#0::}/pids.max")" 60
  "${as_user[@]}" "${runc[@]}" delete --force "$(new_id)"
  run "${as_user[@]}" systemctl --user show --value -p LoadState rkt-mine.scope
  assert_output not-found
  systemctl stop "$TEST_TAG-user"
}
