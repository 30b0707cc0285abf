#!/usr/bin/env bats
# The files of a container's groups are those that runc and crun write for the same resources, or the difference
# is in the table below with its reason.
# vm: v2
# long: three runtimes make each container

load helpers
load cgroup_helpers

setup() {
  setup_test
  ! by_systemd || skip 'Debian 12 has runc 1.1 and crun 1.8: the properties that they set are those that systemd.bats asks for'
}

# FILE        PEER        why ours is another value; the file is not compared with this peer then
explained() {
  cat <<'TABLE'
cpu.weight              all   the formula of runc 1.3.2 and crun 1.23 (2025); Debian 12 has the linear one of before
pids.max                all   0 is a limit (runtime-spec 1.3), which both take as none; it is 1, as in runc 1.4
hugetlb.*               crun  reservations are limited as well (config-linux.md: "if supported"), as runc does it
hugetlb.*.rsvd.max      runc  reservations are limited as well (config-linux.md: "if supported"); runc 1.1 does not on v2
memory.low              crun  -1 is written as max; crun 1.8 writes 18446744073709551615, which the kernel rounds
memory.swap.max         crun  an unlimited memory limit takes the one on swap away, as runc does it
memory.memsw.limit_in_bytes  crun  an unlimited memory limit takes the one on the sum away, as runc does it
cpuset.cpus             crun  an empty one is that of the group above on v1, as runc does it
cpuset.mems             crun  an empty one is that of the group above on v1, as runc does it
memory.kmem.limit_in_bytes      runc  runc does not set it any more; config-linux.md has it
memory.kmem.tcp.limit_in_bytes  runc  runc does not set it any more; config-linux.md has it
devices.list            all   the order of the entries; the answers are compared in devices.bats
TABLE
}

# MESSAGE     PEER        why it refuses what we take
explained_refusals() {
  cat <<'TABLE'
pids.max      crun  -1 is no limit (config-linux.md, "PIDs"); crun 1.8 writes -1 on v1, which the kernel refuses
cpu.cfs_quota_us  crun  -1 is no limit (the kernel's own form); crun 1.8 writes it as an unsigned number on v1
TABLE
}

# So many blocks with every member that this host has, made by a fixed rule: a failure is the same every time.
generate() { # COUNT
  # The first disk, for what is a device's own.
  python3 - "$1" "$(cgroup_mode)" "$(nproc)" "$(cat /sys/block/vd*/dev /sys/block/[sh]d*/dev /sys/block/nvme*/dev 2>/dev/null | head -n 1)" <<'PYTHON'
import json, random, sys
count, mode, cpus = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
disk = sys.argv[4]
r = random.Random(5)
M = 1 << 20
def maybe(p=0.5): return r.random() < p
for n in range(count):
    res, memory, cpu = {}, {}, {}
    if maybe(0.7):
        limit = r.choice([-1, r.randrange(64, 1024) * M, r.randrange(64 * M, 1024 * M)])
        memory["limit"] = limit
        if limit > 0 and maybe():
            memory["swap"] = r.choice([-1, limit, limit + r.randrange(1, 500) * M])
        if maybe(0.4): memory["reservation"] = r.randrange(1, 60) * M
        if mode != "v2":
            if maybe(0.3): memory["swappiness"] = r.randrange(0, 101)
            if maybe(0.2): memory["disableOOMKiller"] = True
            if maybe(0.2): memory["kernelTCP"] = r.randrange(1, 60) * M
    if maybe(): cpu["shares"] = r.choice([2, 1024, 262144, r.randrange(2, 262144)])
    if maybe():
        cpu["period"] = r.randrange(1000, 1000001)
        if maybe(0.8): cpu["quota"] = r.choice([-1, r.randrange(1000, 4000000)])
    elif maybe(0.3): cpu["quota"] = r.randrange(1000, 400000)
    if maybe(0.4): cpu["cpus"] = r.choice(["0", f"0-{cpus - 1}", f"{cpus - 1}"])
    if maybe(0.3): cpu["mems"] = "0"
    if memory: res["memory"] = memory
    if cpu: res["cpu"] = cpu
    if maybe(): res["pids"] = {"limit": r.choice([-1, r.randrange(20, 30000)])}
    if disk and maybe(0.4):
        major, minor = map(int, disk.split(":"))
        names = ["throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice"]
        res["blockIO"] = {name: [{"major": major, "minor": minor, "rate": r.randrange(1000, 10 * M)}] for name in r.sample(names, r.randrange(1, 4))}
    if mode == "v2":
        if maybe(0.3): res["hugepageLimits"] = [{"pageSize": "2MB", "limit": r.randrange(0, 100) * 2 * M}]
        if maybe(0.3): res["unified"] = {"memory.high": str(r.randrange(64, 1024) * M)}
    print(json.dumps(res))
PYTHON
}

# Every file of the container's groups that a limit can be in, as "FILE:LINE".
limits_of() { # CGROUPS-PATH
  local dir files=()
  for dir in "/sys/fs/cgroup$1" /sys/fs/cgroup/*"$1"; do
    [[ -d $dir && $dir != */unified/* ]] || continue
    files+=("$dir"/*.{max,high,low,min,weight,burst,idle} "$dir"/cpuset.{cpus,mems} "$dir"/*limit_in_bytes
      "$dir"/cpu.{shares,cfs_period_us,cfs_quota_us,cfs_burst_us,rt_period_us,rt_runtime_us}
      "$dir"/memory.{swappiness,oom_control,oom.group} "$dir"/blkio.*weight* "$dir"/blkio.throttle.*_device)
  done
  grep -s '' "${files[@]}" | sed 's|^[^:]*/||'
}

# Beside the template's config.json two for each block: bN/rocker-runc.json and bN/PEER.json, each with a group of its own.
write_bundles() { # TEMPLATE PEER
  python3 - "$1/config.json" "$2" "/$TEST_TAG" <<'PYTHON'
import json, os, sys
template, peer, parent = json.load(open(sys.argv[1])), sys.argv[2], sys.argv[3]
for n, line in enumerate(open("blocks"), 1):
    resources = json.loads(line)
    template["linux"]["resources"] = {"devices": [{"allow": False, "access": "rwm"}], **resources}
    os.mkdir(f"b{n}")
    for name in ("rocker-runc", peer):
        template["linux"]["cgroupsPath"] = f"{parent}/{name}-{n}"
        with open(f"b{n}/{name}.json", "w") as out: json.dump(template, out)
PYTHON
}

# A block takes a third of a second on a quick machine and ten in a guest: .ci/run asks for 200, the guests for few.
one_peer() { # PEER
  local peer=$1 count=${ROCKER_TEST_BLOCKS:-50} n=0 resources different name
  needs peer "$peer"
  explained | awk -v peer="$peer" '$2 == peer || $2 == "all" { gsub(/\./, "\\.", $1); gsub(/\*/, ".*", $1); print "^" $1 ":" }' >ignored
  generate "$count" >blocks
  limited_bundle template
  write_bundles template "$peer"
  while read -r resources; do
    n=$((n + 1))
    for name in rocker-runc "$peer"; do
      mv "b$n/$name.json" "b$n/config.json"
      if runtime "$name" create --bundle "b$n" --pid-file "pid.$name" "$TEST_TAG-$n" </dev/null >"log.$name" 2>&1 3>&- 4>&-; then
        limits_of "/$TEST_TAG/$name-$n" | grep -vf ignored | sort >"limits.$name"
        runtime "$name" delete -f "$TEST_TAG-$n" >/dev/null
      else
        echo refused >"limits.$name"
      fi
    done
    rm -r "b$n"
    if [[ $(<"limits.$peer") = refused && $(<limits.rocker-runc) != refused ]] &&
      explained_refusals | awk -v peer="$peer" '$2 == peer { print $1 }' | grep -Ff - "log.$peer" >/dev/null; then
      continue
    fi
    cmp -s "limits.$peer" limits.rocker-runc || {
      different=$(diff "limits.$peer" limits.rocker-runc) || :
      batslib_print_kv_single 10 block "$n" resources "$resources" difference "$different" log "$(tail -n 1 log.rocker-runc) / $(tail -n 1 "log.$peer")" |
        batslib_decorate "$peer (<) and rocker-runc (>) differ" | fail
    }
  done <blocks
}

@test "the same files as runc's for generated resources" {
  one_peer runc
}

@test "the same files as crun's for generated resources" {
  one_peer crun
}
