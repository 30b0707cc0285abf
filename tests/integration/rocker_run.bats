#!/usr/bin/env bats
# rocker run and the verbs around a container.

load helpers

setup() { setup_containers; }

@test "run: stdin, stdout and stderr are the caller's, with and without --rm" {
  local rm
  for rm in '' --rm; do
    run -0 --separate-stderr rocker run $rm --image busybox /bin/sh -c 'cat; echo error >&2' <<<input
    assert_output input
    assert_equal "$stderr" error
  done
}

@test "run: large streams arrive whole, both ways" {
  head -c 3000000 /dev/urandom >blob
  local rm
  for rm in '' --rm; do
    rocker run $rm --image busybox cat <blob >back
    cmp blob back
  done
}

@test "run: exit codes are the command's, 128+n for a signal, 125, 126, 127" {
  local rm
  for rm in '' --rm; do
    run -3 rocker run $rm --image busybox /bin/sh -c 'exit 3' </dev/null
    run -127 rocker run $rm --image busybox no-such-program </dev/null
    assert_output --partial 'executable file not found'
    run -126 rocker run $rm --image busybox /etc/passwd </dev/null
    assert_output --partial 'permission denied'
    run -125 --separate-stderr rocker run $rm --image nosuch true </dev/null
    assert_one_error_line 'Image not found'
    run -125 --separate-stderr rocker run $rm --image busybox --memory lots true </dev/null
    assert_one_error_line '--memory'
  done
}

@test "run: options end at the first positional" {
  run -0 rocker run --rm --image busybox sh -c 'echo "$@"' x -t --rm -m 1 </dev/null
  assert_output -- '-t --rm -m 1'
  run -0 rocker run --rm busybox echo -d </dev/null
  assert_output -- -d
  run -0 rocker run --rm -e=A=1 -m=64m -itd=false busybox sh -c 'echo $A; tty' </dev/null
  assert_line --index 0 --partial 1
}

@test "run: docker's options that rocker lacks are refused by name" {
  run -125 --separate-stderr rocker run -p 80:80 --image busybox true
  assert_one_error_line '--network host'
  run -125 --separate-stderr rocker run --gpus all --image busybox true
  assert_one_error_line '--device'
  run -125 --separate-stderr rocker run --volumes-from x --image busybox true
  assert_one_error_line '--volume'
}

@test "run: over its memory limit a process is killed, 137, and rocker says so" {
  needs controller memory
  local rm
  for rm in '' --rm; do
    run -137 --separate-stderr rocker run $rm -m 10m --image busybox /bin/sh -c 'x=1; while :; do x=$x$x; done' </dev/null
    assert_regex "$stderr" 'memory'
    assert_regex "$stderr" 'limit'
    # By its name, or by as much of its ID as tables show.
    assert_regex "$stderr" 'container ("[0-9a-f]{12}"|[a-z]+_[a-z]+) was killed'
    # conmon's own note of it is not left where the caller stands.
    assert_file_not_exist oom
  done
  run -0 rocker inspect "$(rocker ps -aq)"
  assert_json '.[0].State | [.OOMKilled, .ExitCode, .Status]' '[true,137,"exited"]'
}

@test "run: CPUs and memory nodes that this host has not got are named, and those that it has" {
  local there
  there=$(</sys/devices/system/cpu/online)
  local line
  for line in "run --cpuset 0-9999" "create --cpuset-cpus 9999" "run --cpuset-cpus 0,9999"; do
    run --separate-stderr rocker ${line} busybox true
    assert_failure
    assert_one_error_line "--cpuset-cpus: the CPUs ${line##* } are asked for, this host has $there"
  done
  run --separate-stderr rocker run --cpuset-mems 99 busybox true
  assert_equal "$status" 125
  assert_one_error_line '--cpuset-mems: the memory nodes 99 are asked for, this host has 0'
  rocker create --name "$TEST_TAG" --cpuset "$there" busybox true
  run --separate-stderr rocker update --cpuset-cpus 9999 "$TEST_TAG"
  assert_failure
  assert_one_error_line "--cpuset-cpus: the CPUs 9999 are asked for, this host has $there"
  # A bundle may be another machine's.
  rocker_image bundle busybox b --cpuset-cpus 9999 -- true
}

@test "run and update: --cpus is no more than the host has, not with a quota, and 0 is unlimited" {
  local there line
  there=$(getconf _NPROCESSORS_ONLN)
  rocker create --name "$TEST_TAG" --cpus 0.5 busybox true
  quota() { rocker inspect -f '{{.HostConfig.CpuQuota}}/{{.HostConfig.CpuPeriod}}' "$TEST_TAG"; }
  for line in "create busybox true" "run busybox true" "update $TEST_TAG"; do
    local verb=${line%% *} rest=${line#* }
    run --separate-stderr rocker "$verb" --cpus "$there.01" $rest
    assert_failure
    assert_one_error_line "--cpus: expected 0.01 to $there, this host has $there"
    run --separate-stderr rocker "$verb" --cpus 0.5 --cpu-quota 1000 $rest
    assert_failure
    assert_one_error_line '--cpus and --cpu-quota cannot both be set'
    run --separate-stderr rocker "$verb" --cpu-period 1000 --cpus 0.5 $rest
    assert_failure
    assert_one_error_line '--cpus and --cpu-period cannot both be set'
  done
  assert_equal "$(quota)" 50000/100000
  # One of the other kind replaces what is stored.
  rocker update --cpu-quota 20000 --cpu-period 40000 "$TEST_TAG"
  assert_equal "$(quota)" 20000/40000
  rocker update --cpus "$there" "$TEST_TAG"
  assert_equal "$(quota)" "${there}00000/100000"
  rocker update --cpus 0 "$TEST_TAG"
  assert_equal "$(quota)" -1/100000
  rocker start "$TEST_TAG"
  run -0 rocker create --cpus 0 --cpu-quota 30000 busybox true
  assert_equal "$(rocker inspect -f '{{.HostConfig.CpuQuota}}' "$output")" 30000
}

@test "run: an annotation without a value has an empty one, as docker has it" {
  rocker create --name "$TEST_TAG" --annotation empty --annotation com.example=a=b busybox true
  run -0 rocker inspect "$TEST_TAG"
  assert_json '.[0].Config.Annotations | [.empty, ."com.example"]' '["","a=b"]'
  run --separate-stderr rocker create --annotation =b busybox true
  assert_failure
  assert_one_error_line '--annotation: expected KEY=VALUE, found "=b"'
}

@test "run -d, ps, exec, logs, stop, rm" {
  run -0 rocker run -d --name "$TEST_TAG" --image busybox /bin/sh -c 'echo out; echo err >&2; trap "exit 7" TERM; while :; do sleep 0.1; done'
  local id=$output
  assert_regex "$id" '^[0-9a-f]{64}$'
  run -0 rocker ps -q
  assert_output "${id:0:12}"
  run -0 rocker exec "$TEST_TAG" /bin/echo from exec
  assert_output 'from exec'
  run -5 rocker exec "${id:0:5}" sh -c 'exit 5'
  run -127 rocker exec "$id" nosuch
  run -0 rocker exec -e A=b -w /tmp -u nobody "$TEST_TAG" sh -c 'echo $A $(pwd) $(id -un)'
  assert_output 'b /tmp nobody'
  run -127 --separate-stderr rocker exec -w /missing "$TEST_TAG" pwd
  assert_one_error_line '"/missing": no such file or directory'
  run -1 rocker exec "$TEST_TAG" test -e /missing
  wait_until 5 bash -c "[[ -n \$('$ROCKER' logs $TEST_TAG 2>/dev/null) ]]"
  run -0 --separate-stderr rocker logs "$TEST_TAG"
  assert_output out
  assert_equal "$stderr" err
  run -0 rocker stop "$TEST_TAG"
  assert_output "$TEST_TAG"
  run -0 rocker ps -a
  assert_line --partial 'Exited (7)'
  run -0 rocker ps -q
  assert_output ''
  # A stopped one keeps its folder and no mount.
  assert_dir_exist "$ROCKER_ROOT/containers/$id"
  run cat /proc/self/mounts
  refute_output --partial "$ROCKER_ROOT"
  run -0 rocker logs --tail 1 -t "$TEST_TAG"
  assert_output --regexp '^20[0-9-]+T[0-9:.]+.* (out|err)'
  run -1 --separate-stderr rocker exec "$TEST_TAG" true || :
  run -0 rocker rm "$TEST_TAG"
  assert_dir_not_exist "$ROCKER_ROOT/containers/$id"
  run -1 --separate-stderr rocker rm "$TEST_TAG"
  assert_one_error_line 'No such container'
}

@test "start: a stopped container goes on with what it had written" {
  rocker run --name "$TEST_TAG" --image busybox sh -c 'echo x >>/count; wc -l </count' </dev/null
  rocker start "$TEST_TAG"
  wait_until 5 bash -c "[[ -z \$('$ROCKER' ps -q) ]]"
  run -0 rocker logs "$TEST_TAG"
  assert_line 1
  assert_line 2
}

@test "names: taken once, free after rm, and never a path" {
  rocker run -d --name "$TEST_TAG" --image busybox sleep 1000
  run -125 --separate-stderr rocker run -d --name "$TEST_TAG" --image busybox true
  assert_one_error_line 'already in use'
  run -125 --separate-stderr rocker run -d --name ../x --image busybox true
  assert_one_error_line 'no name of a container'
  run -1 --separate-stderr rocker rm "$TEST_TAG"
  assert_one_error_line 'rm -f'
  rocker rm -f "$TEST_TAG"
  run -0 rocker run --name "$TEST_TAG" --image busybox echo again
  assert_output again
}

@test "signals reach the container's process in the foreground" {
  local rm
  for rm in '' --rm; do
    "$ROCKER" run $rm --name "$TEST_TAG$rm" --image busybox sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.1; done' \
      >out 2>&1 </dev/null 3>&- &
    local pid=$!
    wait_until 5 grep -q ready out
    kill -TERM "$pid"
    local status=0
    wait "$pid" || status=$?
    assert_equal "$status" 9
    assert_equal "$(tail -n 1 out)" got
  done
}

@test "ps and stop see a foreground run with --rm; it has no log" {
  "$ROCKER" run --rm --name "$TEST_TAG" --image busybox sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
  local pid=$!
  wait_until 5 bash -c "[[ -n \$('$ROCKER' ps -q) ]]"
  run -1 --separate-stderr rocker logs "$TEST_TAG"
  assert_one_error_line 'has no log'
  rocker stop -t 0 "$TEST_TAG"
  local status=0
  wait "$pid" || status=$?
  assert_equal "$status" 137
  run -0 rocker ps -aq
  assert_output ''
}

@test "inspect knows images and containers" {
  rocker run --name "$TEST_TAG" --image busybox true </dev/null
  run -0 rocker inspect "$TEST_TAG"
  assert_json '.[0] | [.Name, .Config.Image, .State.ExitCode]' "[\"$TEST_TAG\",\"busybox:latest\",0]"
  run -0 rocker inspect busybox
  assert_output --partial b38350bbd27a
  run -1 --separate-stderr rocker inspect nothing-here
  assert_regex "$stderr" 'No such'
}

@test "rmi: an image goes, and is missed by its name" {
  run -0 rocker rmi busybox
  run -125 --separate-stderr rocker run --image busybox true
  assert_one_error_line 'Image not found'
  run -1 --separate-stderr rocker import /nonexistent.tar x
  assert_one_error_line 'Import failed'
}

@test "two stores never meet" {
  rocker run -d --name "$TEST_TAG" --image busybox sleep 1000
  export ROCKER_ROOT=$TEST_DIR/second
  import_busybox
  rocker run -d --name "$TEST_TAG" --image busybox sleep 1000
  run -0 rocker ps -q
  assert_equal "${#lines[@]}" 1
  rocker rm -f "$TEST_TAG"
  export ROCKER_ROOT=$TEST_DIR/store
  run -0 rocker ps -q
  assert_equal "${#lines[@]}" 1
}

@test "update refuses limits that the container could not be started with, and stores none of them" {
  rocker create --name "$TEST_TAG" -m 100m --memory-swap 200m busybox true
  local before
  before=$(cat "$ROCKER_ROOT"/containers/*/config.json "$ROCKER_ROOT"/containers/*/container.json)
  run -1 --separate-stderr rocker update -m 300m "$TEST_TAG"
  assert_one_error_line --memory-swap
  run -1 --separate-stderr rocker update --memory-swap 50m "$TEST_TAG"
  assert_one_error_line --memory-swap
  run -1 --separate-stderr rocker update -m 1k "$TEST_TAG"
  assert_one_error_line 6m
  assert_equal "$(cat "$ROCKER_ROOT"/containers/*/config.json "$ROCKER_ROOT"/containers/*/container.json)" "$before"
  rocker update -m 300m --memory-swap 400m "$TEST_TAG"
  run -1 --separate-stderr rocker create -m 1k busybox true
  assert_one_error_line 6m
}
