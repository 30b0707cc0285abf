#!/usr/bin/env bats
# linux.resources.devices: the same rules give the same answers on v1 (devices.allow, devices.deny) and v2 (an eBPF
# program). In the container real nodes are made and opened.
# vm: v2 systemd

load helpers
load cgroup_helpers

# Majors 60 and 61 are for local use: what may be opened has no driver and says so, what may not says EPERM.
# By what the shell has itself: each process that is started counts where a machine is emulated.
probe='mkdir -p /n; denied() { read -r why </n/err || return; case $why in *"not permitted"*) return 0 ;; esac; return 1; }
for d in "b 60 1" "b 60 2" "b 61 1" "c 60 1" "c 1 3"; do
  set -- $d; node=/n/$1$2.$3; got=
  mknod $node $1 $2 $3 2>/n/err && got=m
  [ -e $node ] || { echo "$1$2:$3 not made"; continue; }
  { true <$node; } 2>/n/err; denied || got=${got}r
  { true >$node; } 2>/n/err; denied || got=${got}w
  { true <>$node; } 2>/n/err; denied || got=${got}+
  printf "%s%s:%s=%s " $1 $2 $3 $got
done; echo'

answers() { # NAME RULES
  limited_bundle "$1" '{}' '.linux.resources.devices = $rules | .process.args = ["sh", "-c", $probe]
    | .process.capabilities |= map_values(. + ["CAP_MKNOD"] | unique)
    | .mounts += [{destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]' \
    --argjson rules "$2" --arg probe "${probe//\/n/\/mnt}"
  rocker_runc run --bundle "$1" "$(new_id "$1")" </dev/null
}

# r, w: may be opened for reading, for writing; +: for both at once; m: may be made.
table='
[]                                                                                                | m   m   m   m
[{"allow":false,"access":"rwm"}]                                                                  | m   m   m   m
[{"allow":true,"access":"rwm"}]                                                                   | mrw+ mrw+ mrw+ mrw+
[{"allow":true}]                                                                                  | mrw+ mrw+ mrw+ mrw+
[{"allow":true,"type":"b","major":60,"minor":1,"access":"r"}]                                     | mr  m   m   m
[{"allow":true,"type":"b","major":60,"minor":1,"access":"w"}]                                     | mw  m   m   m
[{"allow":true,"type":"b","major":60,"access":"rw"}]                                              | mrw+ mrw+ m  m
[{"allow":true,"type":"b","minor":1,"access":"rw"}]                                               | mrw+ m  mrw+ m
[{"allow":true,"type":"a","major":60,"minor":1,"access":"rw"}]                                    | mrw+ m  m  mrw+
[{"allow":true,"type":"b","major":60,"minor":1,"access":"r"},{"allow":true,"type":"b","major":60,"minor":1,"access":"w"}] | mrw+ m m m
[{"allow":true,"type":"b","major":60,"access":"r"},{"allow":true,"type":"b","major":60,"minor":1,"access":"w"}] | mrw+ mr m m
[{"allow":true,"type":"b","major":60,"minor":1,"access":"rw"},{"allow":false,"type":"b","major":60,"minor":1,"access":"w"}] | mr m m m
[{"allow":false,"type":"b","major":60,"minor":1,"access":"rwm"},{"allow":true,"type":"b","major":60,"minor":1,"access":"r"}] | mr m m m
[{"allow":true,"access":"rwm"},{"allow":false,"type":"b","major":60,"access":"w"}]                | mr  mr  mrw+ mrw+
[{"allow":true,"access":"rwm"},{"allow":false,"type":"c","access":"rw"}]                          | mrw+ mrw+ mrw+ m
'
# An exception from an exception: more than the v1 controller can say.
deeper='
[{"allow":true,"type":"b","major":60,"access":"rw"},{"allow":false,"type":"b","major":60,"minor":2,"access":"rw"}] | mrw+ m m m
[{"allow":true,"access":"rwm"},{"allow":false,"type":"b","major":60,"access":"rw"},{"allow":true,"type":"b","major":60,"minor":1,"access":"rw"}] | mrw+ m mrw+ mrw+
'

check_table() { # TABLE
  local rules expected n=0 got wanted
  while IFS='|' read -r rules expected; do
    [[ -n $rules ]] || continue
    n=$((n + 1))
    read -r b601 b602 b611 c601 <<<"$expected"
    # /dev/null is always allowed.
    wanted="b60:1=$b601 b60:2=$b602 b61:1=$b611 c60:1=$c601 c1:3=mrw+ "
    got=$(answers "t$n" "$rules" 2>&1)
    [[ $got = "$wanted" ]] || {
      batslib_print_kv_single 8 rules "$rules" expected "$wanted" got "$got" | batslib_decorate 'other answers' | fail
    }
  done <<<"$1"
}

@test "rules in order, the last that fits wins, bit by bit: real nodes made and opened" {
  needs capability cap_mknod
  needs controller devices
  check_table "$table"
}

@test "an exception from an exception: by the program on v2 and hybrid hosts, refused on v1 alone" {
  needs capability cap_mknod
  needs controller devices
  if [[ $(cgroup_mode) = v1 ]]; then
    limited_bundle c '{}' '.linux.resources.devices = $rules' \
      --argjson rules '[{"allow":true,"type":"b","major":60,"access":"rw"},{"allow":false,"type":"b","major":60,"minor":2,"access":"rw"}]'
    run --separate-stderr rocker_runc run --bundle c "$(new_id c)"
    assert_failure
    assert_one_error_line /linux/resources/devices
    return
  fi
  check_table "$deeper"
}

@test "exec is held to the same rules" {
  needs capability cap_mknod
  start_limited c '{}' '.process.capabilities |= map_values(. + ["CAP_MKNOD"] | unique)
    | .mounts += [{destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]'
  run rocker_runc exec "$(new_id c)" sh -c "${probe//\/n/\/mnt}"
  assert_output 'b60:1=m b60:2=m b61:1=m c60:1=m c1:3=mrw+ '
}

@test "a group that another container has left takes the rules of the new one alone" {
  needs capability cap_mknod
  needs controller devices
  ! by_systemd || skip 'a scope ends with its container'
  limited_bundle a '{"devices": [{"allow": true, "type": "c", "major": 60, "access": "rw"}]}'
  run_detached "$(new_id a)" a
  kill -KILL "$(container_pid "$(new_id a)")"
  wait_until 10 is_stopped "$(new_id a)"
  limited_bundle b '{"devices": [{"allow": true, "type": "b", "major": 60, "access": "rw"}]}' '.process.args = ["sh", "-c", $probe]
    | .linux.cgroupsPath = $path | .process.capabilities |= map_values(. + ["CAP_MKNOD"] | unique)
    | .mounts += [{destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]' \
    --arg probe "${probe//\/n/\/mnt}" --arg path "$(cgroups_path a)"
  run rocker_runc run --bundle b "$(new_id b)"
  assert_output 'b60:1=mrw+ b60:2=mrw+ b61:1=m c60:1=m c1:3=mrw+ '
}
