#!/usr/bin/env bats
# linux.namespaces and linux.timeOffsets: config-linux.md, "Namespaces" and "Offset for Time Namespace".

load helpers
load process

spaces='for n in user pid net mnt ipc uts cgroup time; do readlink /proc/self/ns/$n; done'

# A process that is in namespaces of its own kinds; its pid is in $holder.
hold_namespaces() { # UNSHARE-OPTION...
  unshare --fork "$@" sh -c "exec sleep 100 # $TEST_DIR" </dev/null >/dev/null 2>&1 3>&- 4>&- &
  local unshare=$!
  wait_until 5 pgrep -P "$unshare" sleep
  holder=$(pgrep -P "$unshare" sleep)
}

@test "namespaces: each that is asked for is new, the others are the caller's" {
  local kind type
  make_bundle b 'del(.hostname) | .process.args = ["sh", "-c", $script] | .mounts |= map(select(.type | IN("proc", "tmpfs"))) |
    .linux.namespaces = [{type: "mount"}]' --arg script "$spaces"
  for kind in user pid net ipc uts cgroup time; do
    [[ -e /proc/self/ns/$kind ]] || continue
    type=${kind/#net/network}
    edit_config b '.linux.namespaces = [{type: "mount"}, {type: $type}] | if $type == "user" then
      .linux.uidMappings = [{containerID: 0, hostID: 0, size: 10}] | .linux.gidMappings = .linux.uidMappings |
        .mounts[0] = {destination: "/proc", source: "/proc", options: ["rbind"]}
      else del(.linux.uidMappings, .linux.gidMappings) end' --arg type "$type"
    run run_bundle b
    assert_success
    local other
    for other in user pid net ipc uts cgroup time; do
      if [[ $other = "$kind" ]]; then
        refute_line "$(readlink "/proc/self/ns/$other")"
      else
        assert_line "$(readlink "/proc/self/ns/$other")"
      fi
    done
  done
}

@test "namespaces: are joined by path" {
  hold_namespaces --net --ipc --uts --cgroup
  local kind
  make_bundle b 'del(.hostname) | .process.args = ["sh", "-c", $script] | .linux.namespaces |= map(
    if .type | IN("network", "ipc", "uts", "cgroup") then .path = "/proc/\($pid)/ns/\(if .type == "network" then "net" else .type end)" else . end)' \
    --arg script "$spaces" --arg pid "$holder"
  run run_bundle b
  assert_success
  for kind in net ipc uts cgroup; do assert_line "$(readlink "/proc/$holder/ns/$kind")"; done
  refute_line "$(readlink /proc/self/ns/pid)"
}

@test "namespaces: a time namespace that is joined" {
  needs namespace time
  hold_namespaces --time --boottime 200000
  local up
  up=$(cut -d. -f1 /proc/uptime)
  make_bundle b '.process.args = ["sh", "-c", "readlink /proc/self/ns/time; cut -d. -f1 /proc/uptime"] |
    .linux.namespaces += [{type: "time", path: $path}]' --arg path "/proc/$holder/ns/time"
  run run_bundle b
  assert_success
  assert_line --index 0 "$(readlink "/proc/$holder/ns/time")"
  ((lines[1] >= up + 200000)) || fail "${lines[1]}, $up outside"
}

@test "namespaces: a pid namespace that is joined" {
  hold_namespaces --pid
  make_bundle b '.process.args = ["sh", "-c", "readlink /proc/self/ns/pid; cat /proc/1/cmdline | tr \"\\0\" \" \""] |
    .linux.namespaces |= map(if .type == "pid" then .path = $path else . end)' --arg path "/proc/$holder/ns/pid"
  run run_bundle b
  assert_success
  assert_line --index 0 "$(readlink "/proc/$holder/ns/pid")"
  assert_line --index 1 --partial 'sleep 100'
}

@test "namespaces: a user and a pid namespace that are joined, and the rest new" {
  needs userns
  hold_namespaces --user --map-root-user --pid --net
  make_bundle b '.process.args = ["sh", "-c", "\($script); id -u"] | .mounts |= map(select(.type != "cgroup")) |
    (.mounts[] | select(.type == "devpts")).options -= ["gid=5"] | .process.capabilities = {} |
    .linux.namespaces |= map(if .type | IN("pid", "network") then .path = "/proc/\($pid)/ns/\(if .type == "network" then "net" else .type end)" else . end) |
    .linux.namespaces += [{type: "user", path: "/proc/\($pid)/ns/user"}]' --arg script "$spaces" --arg pid "$holder"
  run run_bundle b
  assert_success
  local kind
  for kind in user pid net; do assert_line "$(readlink "/proc/$holder/ns/$kind")"; done
  for kind in ipc uts mnt; do refute_line "$(readlink "/proc/self/ns/$kind")"; done
  assert_line 0
  # exec finds its way in as well.
  edit_config b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id x)" b
  run rocker_runc exec "$(new_id x)" sh -c "$spaces"
  assert_success
  assert_line "$(readlink "/proc/$holder/ns/user")"
}

@test "namespaces: a path that is another kind, no namespace, or missing" {
  make_bundle b
  cp b/config.json base.json
  local path
  for path in /proc/self/ns/uts /etc/hostname /no/such; do
    jq --arg path "$path" '(.linux.namespaces[] | select(.type == "network")).path = $path' base.json >b/config.json
    run --separate-stderr run_bundle b
    assert_failure 1
    assert_one_error_line "config.json: /linux/namespaces/1/path: "
    case $path in
      /no/such) [[ $stderr == *'/no/such: no such file or directory'* ]] ;;
      *) [[ $stderr == *"$path: is not a network namespace"* ]] ;;
    esac
  done
  assert_no_leftovers
}

@test "namespaces: doubled and unknown ones" {
  make_bundle b '.linux.namespaces += [{type: "pid"}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/linux/namespaces: "pid" is there twice'
  edit_config b '.linux.namespaces = [{type: "pid"}, {type: "net"}]'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/linux/namespaces/1/type: unknown namespace "net"'
}

@test "namespaces: lo of a new network namespace is up" {
  make_bundle b '.process.args = ["sh", "-c", "cat /sys/class/net/lo/flags; ping -c 1 -W 1 127.0.0.1 >/dev/null && echo answers; ls /sys/class/net"] |
    .process.capabilities |= map_values(. + ["CAP_NET_RAW"])'
  run run_bundle b
  assert_success
  assert_output $'0x9\nanswers\nlo'
}

@test "namespaces: time offsets, for init and for exec" {
  needs namespace time
  local up
  make_bundle b '.process.args = ["sh", "-c", "cut -d. -f1 /proc/uptime; exec sleep 100"] | .linux.namespaces += [{type: "time"}] |
    .linux.timeOffsets = {boottime: {secs: 100000, nanosecs: 5}, monotonic: {secs: 7}}'
  up=$(cut -d. -f1 /proc/uptime)
  run_detached "$(new_id)" b
  wait_until 5 grep -q . "$(new_id).log"
  local inside
  inside=$(cat "$(new_id).log")
  ((inside >= up + 100000 && inside < up + 100100)) || fail "$inside, $up outside"
  run rocker_runc exec "$(new_id)" sh -c 'cut -d. -f1 /proc/uptime; readlink /proc/self/ns/time; cat /proc/self/timens_offsets'
  ((lines[0] >= up + 100000)) || fail "exec: ${lines[0]}"
  assert_line --index 1 "$(readlink "/proc/$(container_pid "$(new_id)")/ns/time")"
  assert_line --regexp '^boottime +100000 +5$'
  assert_line --regexp '^monotonic +7 +0$'
  # The runtime itself stays where it was.
  run rocker_runc exec "$(new_id)" true
  assert_success
}

@test "namespaces: time offsets without a time namespace, and out of range" {
  make_bundle b '.linux.timeOffsets = {boottime: {secs: 1}}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /linux/timeOffsets: there is no new time namespace'
  needs namespace time
  edit_config b '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: -9000000000}}'
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'config.json: /linux/timeOffsets: write "boottime -9000000000 0": '
}

@test "namespaces: exec is in all of them" {
  make_bundle b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  local pid kind
  pid=$(container_pid "$(new_id)")
  run rocker_runc exec "$(new_id)" sh -c "$spaces"
  assert_success
  for kind in user pid net mnt ipc uts cgroup; do assert_line "$(readlink "/proc/$pid/ns/$kind")"; done
}
