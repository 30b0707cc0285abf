#!/usr/bin/env bats
# exec: one more process in a running container.

load helpers
load lifecycle
load process

running() { # [FILTER]
  sleeping_bundle b "$@"
  run_detached "$(new_id)" b
}

in_container() { rocker_runc exec "$(new_id)" "$@"; }

@test "exec: a command in all namespaces of the container, and its cgroup" {
  running '.hostname = "there"'
  run in_container hostname
  assert_success
  assert_output there
  local kind pid
  pid=$(container_pid "$(new_id)")
  for kind in mnt pid net ipc uts cgroup; do
    assert_equal "$(in_container readlink "/proc/self/ns/$kind")" "$(readlink "/proc/$pid/ns/$kind")"
  done
  assert_equal "$(in_container cat /proc/self/cgroup)" "$(in_container cat /proc/1/cgroup)"
  run in_container echo 'one word' two
  assert_output 'one word two'
}

@test "exec: standard input, output and error are the caller's" {
  running
  run --separate-stderr in_container sh -c 'cat; echo error >&2' <<<input
  assert_success
  assert_output input
  assert_equal "$stderr" error
}

@test "exec: exit statuses" {
  running
  local want
  for want in 0 1 42 255; do run -"$want" in_container sh -c "exit $want"; done
  run in_container sh -c 'kill -9 $$'
  assert_failure 137
}

@test "exec: a program that is not there is 127, one that can't be executed is 126" {
  running
  run -127 --separate-stderr in_container nowhere
  assert_one_error_line 'executable file not found'
  echo text >b/rootfs/text
  run --separate-stderr in_container /text
  assert_failure 126
  assert_one_error_line 'permission denied'
}

@test "exec: options of exec end at the ID, those of the command are its own" {
  running
  run in_container echo -d --tty -- -x
  assert_success
  assert_output -- '-d --tty -- -x'
  run rocker_runc exec "$(new_id)" -- echo a
  assert_success
  assert_output a
}

@test "exec: environment, working directory and capabilities are those of the container's process" {
  running '.process.env += ["MINE=1"] | .process.cwd = "/tmp" | .process.user.uid = 12'
  run in_container sh -c 'echo $MINE; pwd; id -u'
  assert_output $'1\n/tmp\n12'
}

@test "exec: --env, --cwd, --user, --additional-gids" {
  running '.process.env += ["MINE=1", "OTHER=2"]'
  run rocker_runc exec -e MINE=3 --env 'MORE=x y' "$(new_id)" sh -c 'echo "$MINE $OTHER $MORE"'
  assert_output '3 2 x y'
  run rocker_runc exec --cwd /usr "$(new_id)" pwd
  assert_output /usr
  run rocker_runc exec -u 7:8 -g 9 --additional-gids 10 "$(new_id)" sh -c 'id -u; id -G'
  assert_output $'7\n8 9 10'
  run rocker_runc exec -u 7 "$(new_id)" sh -c 'id -u; id -g'
  assert_output $'7\n0'
  local wrong
  for wrong in '--cwd=tmp' '--user=root' '--user=1:2:3' '--user=-1' '--additional-gids=x' '--env=' '--env==x'; do
    run --separate-stderr rocker_runc exec "$wrong" "$(new_id)" true
    assert_failure 1
    assert_one_error_line
  done
}

@test "exec: --cap adds to the container's capabilities" {
  running
  run rocker_runc exec --cap CAP_SYS_CHROOT "$(new_id)" grep CapEff /proc/self/status
  assert_success
  local with without
  with=$((16#${output##*$'\t'}))
  without=$((16#$(in_container grep CapEff /proc/self/status | cut -f 2)))
  assert_equal "$with" $((without | 1 << 18))
  # Not for what runs programs of less rights.
  assert_equal "$(rocker_runc exec --cap CAP_SYS_CHROOT "$(new_id)" sh -c 'grep -E "CapInh|CapAmb" /proc/self/status | cut -f 2 | sort -u')" 0000000000000000
}

@test "exec: --no-new-privs" {
  running '.process.noNewPrivileges = false'
  run in_container grep NoNewPrivs /proc/self/status
  assert_output $'NoNewPrivs:\t0'
  run rocker_runc exec --no-new-privs "$(new_id)" grep NoNewPrivs /proc/self/status
  assert_output $'NoNewPrivs:\t1'
}

@test "exec: --apparmor and --process-label say so where the kernel has none" {
  running
  if [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) != Y ]]; then
    run --separate-stderr rocker_runc exec --apparmor rocker-test "$(new_id)" true
    assert_failure 1
    assert_one_error_line AppArmor
  fi
  if [[ ! -d /sys/fs/selinux ]]; then
    run --separate-stderr rocker_runc exec --process-label system_u:system_r:container_t:s0 "$(new_id)" true
    assert_failure 1
    assert_one_error_line SELinux
  fi
}

@test "exec: --process" {
  running
  jq '.process | .args = ["sh", "-c", "pwd; id -u; echo $X"] | .cwd = "/usr" | .user.uid = 5 | .env += ["X=y"]' \
    b/config.json >p.json
  run rocker_runc exec --process p.json "$(new_id)"
  assert_success
  assert_output $'/usr\n5\ny'
  run --separate-stderr rocker_runc exec --process p.json "$(new_id)" true
  assert_failure 1
  assert_one_error_line --process
  run --separate-stderr rocker_runc exec --process missing.json "$(new_id)"
  assert_failure 1
  assert_one_error_line missing.json
  echo '{"args": "sh", "cwd": "/"}' >p.json
  run --separate-stderr rocker_runc exec --process p.json "$(new_id)"
  assert_failure 1
  assert_one_error_line p.json
  run --separate-stderr rocker_runc exec "$(new_id)"
  assert_failure 1
  assert_one_error_line COMMAND
}

@test "exec: --detach and --pid-file" {
  running
  rocker_runc exec -d --pid-file pid "$(new_id)" sh -c 'sleep 1234' </dev/null >out 2>&1 3>&- 4>&-
  assert_equal "$(cat out)" ''
  # The pid is the host's, of a process that is in the container.
  assert_equal "$(readlink "/proc/$(cat pid)/ns/mnt")" "$(readlink "/proc/$(container_pid "$(new_id)")/ns/mnt")"
  assert_equal "$(tr '\0' ' ' <"/proc/$(cat pid)/cmdline")" 'sleep 1234 '
  rocker_runc exec --pid-file pid2 "$(new_id)" true
  assert_regex "$(cat pid2)" '^[0-9]+$'
}

@test "exec: --pidfd-socket" {
  running
  "$(helper socket-end)" pidfd s >out 3>&- 4>&- &
  wait_until 5 test -S s
  rocker_runc exec -d --pidfd-socket s --pid-file pid "$(new_id)" sleep 1234 </dev/null >/dev/null 2>&1 3>&- 4>&-
  wait "$!" || :
  wait_until 5 test -s out
  assert_equal "$(cat out)" "$(cat pid)"
}

@test "exec: --preserve-fds" {
  running
  echo hello >f
  run rocker_runc exec --preserve-fds 2 "$(new_id)" sh -c 'cat <&4; ls /proc/self/fd' 3</dev/null 4<f
  assert_success
  assert_line --index 0 hello
  run rocker_runc exec "$(new_id)" sh -c 'cat <&4' 3</dev/null 4<f
  assert_failure
}

@test "exec: --cgroup puts the process below the container's cgroup" {
  running '.mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
  # A group of v1's cpuset takes nobody before it has CPUs.
  # shellcheck disable=SC2016
  in_container sh -c 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do
      [ -e $d/cgroup.procs ] && mkdir $d/sub || continue
      for f in cpuset.cpus cpuset.mems; do [ ! -e $d/tasks -o ! -e $d/$f ] || cat $d/$f >$d/sub/$f; done
    done'
  run rocker_runc exec --cgroup sub "$(new_id)" grep -c '/sub$' /proc/self/cgroup
  assert_success
  [[ $output -gt 0 ]]
  if [[ $(cgroup_mode) != v2 ]]; then
    run rocker_runc exec --cgroup pids:sub "$(new_id)" grep '/sub$' /proc/self/cgroup
    assert_success
    assert_output --regexp '^[0-9]+:pids:/sub$'
    run rocker_runc exec --cgroup pids:sub --cgroup memory,cpuset:sub "$(new_id)" sh -c "grep '/sub\$' /proc/self/cgroup | wc -l"
    assert_success
    assert_output 3
    run --separate-stderr rocker_runc exec --cgroup pids:sub --cgroup memory,pids:sub "$(new_id)" true
    assert_failure 1
    assert_one_error_line 'pids is there twice'
    run --separate-stderr rocker_runc exec --cgroup pids:sub --cgroup sub "$(new_id)" true
    assert_failure 1
    assert_one_error_line 'for all controllers'
  fi
  run --separate-stderr rocker_runc exec --cgroup nope:sub "$(new_id)" true
  assert_failure 1
  assert_one_error_line 'no cgroup controller'
  run --separate-stderr rocker_runc exec --cgroup nowhere "$(new_id)" true
  assert_failure 1
  assert_one_error_line nowhere
  run --separate-stderr rocker_runc exec --cgroup ../.. "$(new_id)" true
  assert_failure 1
  assert_one_error_line ..
}

@test "exec: a paused container refuses, --ignore-paused waits for resume" {
  running
  rocker_runc pause "$(new_id)"
  run --separate-stderr rocker_runc exec "$(new_id)" true
  assert_failure 1
  assert_one_error_line --ignore-paused
  # On one CPU, where a clone comes to run when its parent has to wait: what it has inherited from it, it still has
  # when it is put into the paused group and stands still.
  local cpu
  cpu=$(taskset -pc $$ | grep -oE '[0-9]+$')
  taskset -c "$cpu" "$ROCKER_RUNC" --root "$RUNC_ROOT" exec --ignore-paused "$(new_id)" sh -c 'echo came' >out 2>&1 </dev/null 3>&- 4>&- &
  local waiting=$!
  sleep 1
  kill -0 "$waiting"
  [[ ! -s out ]]
  timeout 20 "$ROCKER_RUNC" --root "$RUNC_ROOT" resume "$(new_id)"
  wait "$waiting"
  assert_equal "$(cat out)" came
  # One that waits is no hindrance to an end.
  rocker_runc pause "$(new_id)"
  rocker_runc exec --ignore-paused "$(new_id)" true >out 2>&1 </dev/null 3>&- 4>&- &
  waiting=$!
  sleep 1
  timeout 20 "$ROCKER_RUNC" --root "$RUNC_ROOT" delete --force "$(new_id)"
  if wait "$waiting"; then fail 'it was never started'; fi
  assert_no_leftovers
}

@test "exec: --tty" {
  running
  run rocker_runc exec --tty "$(new_id)" sh -c 'tty; stty size' </dev/null
  assert_success
  assert_output --partial /dev/pts/
  # Without, there is none.
  run in_container tty </dev/null
  assert_failure
}

@test "exec: a signal to the runtime reaches the process" {
  running
  in_background() { exec "$ROCKER_RUNC" --root "$RUNC_ROOT" exec "$(new_id)" sh -c "$1" </dev/null >out 2>&1 3>&- 4>&-; }
  : >out
  in_background 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.05; done' &
  local exec=$!
  wait_until 10 grep -q ready out
  kill -TERM "$exec"
  wait_for "$exec"
  assert_failure 9
  grep -q got out
}

@test "exec: in a created container, and not in one that is stopped or not there" {
  sleeping_bundle b
  create_container "$(new_id)" b
  run in_container echo hello
  assert_success
  assert_output hello
  rocker_runc kill "$(new_id)" KILL
  wait_until 5 is_status "$(new_id)" stopped
  run --separate-stderr in_container true
  assert_failure 1
  assert_one_error_line 'container not running'
  run --separate-stderr rocker_runc exec "$(new_id other)" true
  assert_failure 1
  assert_one_error_line 'does not exist'
}

@test "exec: seccomp and rlimits of the container hold for the process" {
  running '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}
    | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 88}]'
  run in_container mkdir /x
  assert_failure
  assert_output --partial 'not implemented'
  assert_equal "$(in_container sh -c 'ulimit -n')" 77
}
