#!/usr/bin/env bats
# --pid, --ipc, --uts, --network: host, and container:NAME.
load helpers

setup() {
  setup_containers
  rocker run -d --name "$TEST_TAG" --hostname first busybox sleep 4321
  FIRST=$(rocker inspect --format '{{.State.Pid}}' "$TEST_TAG")
}

inside() { run --separate-stderr timeout -s KILL 30 "$ROCKER" run --rm "$@" </dev/null; }

@test "container:NAME joins the namespace of a container that runs, and no other" {
  local pair
  for pair in pid:pid ipc:ipc uts:uts network:net; do
    inside "--${pair%:*}" "container:$TEST_TAG" busybox sh -c 'for n in pid ipc uts net mnt; do readlink /proc/self/ns/$n; done'
    assert_success
    assert_line "$(readlink "/proc/$FIRST/ns/${pair#*:}")"
    local other
    for other in pid ipc uts net mnt; do
      [[ $other = "${pair#*:}" ]] || refute_line "$(readlink "/proc/$FIRST/ns/$other")"
    done
  done
}

@test "container:NAME is what it is for" {
  inside --pid "container:$TEST_TAG" busybox ps -o args
  assert_line 'sleep 4321'
  inside --uts "container:$TEST_TAG" busybox hostname
  assert_output first
  # A listener of one is reached by the other, over the loopback interface that they share.
  rocker exec -d "$TEST_TAG" sh -c 'echo hello from the first | nc -l -p 8080'
  inside --network "container:$TEST_TAG" busybox sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do nc 127.0.0.1 8080 && exit; sleep 0.2; done'
  assert_output 'hello from the first'
}

@test "host is the host's" {
  local pair
  for pair in pid:pid ipc:ipc uts:uts network:net; do
    inside "--${pair%:*}" host busybox readlink "/proc/self/ns/${pair#*:}"
    assert_output "$(readlink "/proc/self/ns/${pair#*:}")"
  done
}

@test "container:NAME of one that is not there, or does not run" {
  local option
  for option in pid ipc uts network; do
    inside "--$option" container:nobody busybox true
    assert_equal "$status" 125
    assert_one_error_line 'No such container: nobody'
  done
  rocker create --name "$TEST_TAG-2" busybox true
  inside --pid "container:$TEST_TAG-2" busybox true
  assert_equal "$status" 125
  assert_one_error_line "container $TEST_TAG-2 is not running - rocker start $TEST_TAG-2"
  inside --pid container: busybox true
  assert_equal "$status" 125
  assert_one_error_line 'container:NAME'
}
