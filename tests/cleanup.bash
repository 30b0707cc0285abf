# cleanup.bash - undoes whatever tests have left behind: processes, cgroups, mounts, folders. Only what carries the
# given tag in its name or lies below the given folder is touched. Used after each test (integration/helpers.bash)
# and once more after a run (tests/run), for a suite that was killed.
# shellcheck shell=bash

# The mount points below DIR, innermost first.
mounts_below() { # DIR
  awk -v dir="$1/" 'index($5 "/", dir) == 1 { path[++n] = $5 } END { while (n > 0) print path[n--] }' /proc/self/mountinfo
}

# The files of the runtime's states of containers whose bundle lies below DIR: there, or in the runtime's own place.
runtime_states() { # DIR
  find "$1" /run/rocker-runc -maxdepth 5 -name state.json -exec grep -lsF "\"bundle\":\"$1/" {} + 2>/dev/null || :
}

# The cgroups whose path contains TAG, innermost first.
cgroups_named() { # TAG
  find /sys/fs/cgroup -mindepth 2 -depth -type d -path "*$1*" 2>/dev/null || :
}

# The processes, other than this shell and those that it was started by, whose command line contains TEXT.
processes_naming() { # TEXT
  local mine=" $BASHPID " pid=$BASHPID key value
  while [[ $pid -gt 1 ]]; do
    # By the shell alone: this is asked some thousand times.
    { while read -r key value && [[ $key != PPid: ]]; do :; done; } 2>/dev/null <"/proc/$pid/status" || break
    pid=$value
    mine+="$pid "
  done
  grep -lsaF -- "$1" /proc/[0-9]*/cmdline 2>/dev/null | while IFS=/ read -r _ _ pid _; do
    [[ $mine == *" $pid "* ]] || echo "$pid"
  done
}

# A frozen process does not die of SIGKILL on cgroup v1, and stays in the groups of all the other hierarchies.
thaw_cgroup() { # DIRECTORY
  [[ ! -w $1/freezer.state ]] || echo THAWED >"$1/freezer.state" 2>/dev/null || :
  [[ ! -w $1/cgroup.freeze ]] || echo 0 >"$1/cgroup.freeze" 2>/dev/null || :
}

empty_cgroup() { # DIRECTORY
  local pid round
  for round in {1..100}; do
    while read -r pid; do kill -KILL "$pid" 2>/dev/null || :; done <"$1/cgroup.procs" 2>/dev/null
    rmdir "$1" 2>/dev/null && return
    [[ -d $1 ]] || return 0
    sleep 0.02
  done
  : "$round"
}

# Runs after each test: a program that it starts in vain is started a thousand times.
cleanup() { # DIR TAG...
  local -
  set +o functrace
  local dir=$1 tag pid path states groups
  shift
  for pid in $(processes_naming "$dir"); do kill -KILL "$pid" 2>/dev/null || :; done
  # The groups of rocker's containers are called by their IDs, which only the stores below DIR know.
  # shellcheck disable=SC2046
  [[ ! -d $dir ]] || set -- "$@" $(find "$dir" -maxdepth 5 -type d -path '*/containers/*' -regextype posix-extended \
    -regex '.*/[0-9a-f]{64}' -printf '%f\n')
  # Those of the runtime's have an ID that it made up, or one with a tag in it.
  states=$(runtime_states "$dir")
  for path in $states; do
    path=${path%/state.json}
    [[ ! ${path##*/} =~ ^[0-9a-f]{12}$ ]] || set -- "$@" "${path##*/}"
  done
  for tag in "$@"; do
    groups=$(cgroups_named "$tag")
    for path in $groups; do thaw_cgroup "$path"; done
    for path in $groups; do empty_cgroup "$path"; done
  done
  for path in $states; do rm -rf "${path%/state.json}"; done
  for path in $(mounts_below "$dir"); do umount -l "$path" 2>/dev/null || :; done
  [[ ! -d $dir ]] || rm -rf --one-file-system "$dir"
  # The parent of the wrapper's groups; it stays when anybody's container is in it.
  for path in /sys/fs/cgroup/rocker /sys/fs/cgroup/*/rocker; do
    [[ ! -d $path ]] || rmdir "$path" 2>/dev/null || :
  done
}

# One line for each thing that is still there; nothing when all is clean.
leftovers() { # DIR TAG...
  local - # bats follows each command by a trap
  set +o functrace
  local dir=$1 tag pid text
  shift
  for pid in $(processes_naming "$dir"); do
    text=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") 2>/dev/null || continue
    [[ -z $text ]] || echo "process $pid: $text"
  done
  for tag in "$@"; do cgroups_named "$tag" | sed 's/^/cgroup /'; done
  mounts_below "$dir" | sed 's/^/mount /'
  runtime_states "$dir" | sed -n 's|^\(/run/.*\)/state.json$|state \1|p'
}
