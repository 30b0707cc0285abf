#!/usr/bin/env bats
# What is wrong gets one clear line and a non-zero exit, and nothing is left: no state, cgroup, process or mount.
# long: a hundred containers are refused, and nothing of each is left

load helpers
load lifecycle

setup() {
  setup_test
  sleeping_bundle b
}

teardown() {
  local left=0
  [[ -z ${refused-} ]] || assert_no_leftovers || left=1
  teardown_test
  return $left
}

# Runs the bundle b, which has to be refused with one line that has every PART in it.
assert_refused() { # PART...
  local part
  refused=yes
  run --separate-stderr timeout -s KILL 20 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)" </dev/null
  [[ $status != 0 && $status -lt 124 ]] || fail "status $status: $stderr"
  assert_one_error_line
  # A terminal, and somebody who reads it.
  [[ ${#stderr} -lt 1000 ]] || fail "${#stderr} bytes of error"
  for part; do assert_one_error_line "$part"; done
  [[ ! -d $RUNC_ROOT ]] || assert_equal "$(ls -A "$RUNC_ROOT")" ''
}

# The same for an edit of config.json, which is undone afterwards.
assert_config_refused() { # FILTER PART...
  cp b/config.json good.json
  edit_config b "$1"
  shift
  assert_refused config.json "$@"
  mv good.json b/config.json
}

# ---- config.json

@test "config.json: missing, empty, truncated, no JSON, no object" {
  cp b/config.json good.json
  : >b/config.json
  assert_refused config.json empty
  head -c 500 good.json >b/config.json
  assert_refused config.json
  echo 'ociVersion: 1.0' >b/config.json
  assert_refused config.json
  echo '[]' >b/config.json
  assert_refused config.json object
  (cat good.json; echo '{}') >b/config.json
  assert_refused config.json
  rm b/config.json
  assert_refused config.json
  mkdir b/config.json
  assert_refused config.json
  rmdir b/config.json
  mkfifo b/config.json
  assert_refused config.json
}

@test "config.json: of 1 GB" {
  truncate -s 1G b/config.json
  assert_refused config.json
  # Also one that is made while it is read.
  rm b/config.json
  ln -s /dev/zero b/config.json
  assert_refused config.json
}

@test "config.json: deeply nested" {
  local deep
  deep=$(printf '[%.0s' {1..100000})
  echo "{\"a\": $deep" >b/config.json
  assert_refused config.json nested
  printf '{"ociVersion": "1.0.0", "a": %s%s}' "$deep" "${deep//[/]}" >b/config.json
  assert_refused config.json nested
}

@test "config.json: wrong types" {
  local filter
  for filter in .process=7 .process.args='"sh"' '.process.args=[1]' '.process.env={}' '.process.terminal="yes"' .process.user='"root"' \
    '.root="rootfs"' '.root.readonly=1' '.mounts={}' '.mounts[0]="/proc"' '.mounts[0].options="ro"' .linux='[]' \
    '.linux.namespaces={}' '.linux.namespaces[0]="pid"' '.hooks=[]' '.hooks.prestart={}' '.linux.resources=1' \
    '.linux.resources.memory.limit="1g"' '.annotations=[]' '.annotations={"a": 1}' '.hostname=["a"]' .ociVersion=1; do
    cp b/config.json good.json
    edit_config b "$filter"
    # The member by its JSON pointer.
    assert_refused config.json "/$(sed 's/=.*//; s/^\.//; s/\[\([0-9]*\)\]/.\1/g; s|\.|/|g' <<<"${filter/.annotations=\{*/.annotations}")"
    mv good.json b/config.json
  done
}

@test "config.json: out of range" {
  assert_config_refused '.process.user.uid = -1' /process/user/uid
  assert_config_refused '.process.user.uid = 4294967296' /process/user/uid
  assert_config_refused '.process.user.uid = 1.5' /process/user/uid
  assert_config_refused '.process.oomScoreAdj = 1e300' /process/oomScoreAdj
  assert_config_refused '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: -1, hard: 1}]' /process/rlimits/0
  assert_config_refused '.linux.resources.pids.limit = "max"' /linux/resources/pids/limit
  assert_config_refused '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 4294967299}]' /linux/uidMappings/0/size
  assert_config_refused '.process.user.umask = 99999' umask
  sed 's/"uid": 0/"uid": 99999999999999999999999999/' b/config.json >c && mv c b/config.json
  assert_refused config.json /process/user/uid
}

@test "config.json: strings with a NUL" {
  assert_config_refused '.process.args[0] = "s\u0000h"' /process/args/0 NUL
  assert_config_refused '.process.env += ["A=b\u0000c"]' /process/env NUL
  assert_config_refused '.hostname = "a\u0000"' /hostname NUL
  assert_config_refused '.mounts[0].destination = "/proc\u0000/x"' /mounts/0/destination NUL
  assert_config_refused '.annotations = {"a\u0000b": "c"}' /annotations NUL
  printf '{"ociVersion": "1.0.0",\0 "process": {}}' >b/config.json
  assert_refused config.json NUL
}

@test "config.json: members that are missing" {
  assert_config_refused 'del(.ociVersion)' ociVersion
  assert_config_refused 'del(.root)' root
  assert_config_refused 'del(.root.path)' path
  assert_config_refused 'del(.process.cwd)' cwd
  assert_config_refused 'del(.process.args)' args
  assert_config_refused '.process.args = []' args
  assert_config_refused 'del(.mounts[0].destination)' destination
  assert_config_refused 'del(.linux.namespaces[0].type)' type
  assert_config_refused '.hooks.prestart = [{}]' path
}

@test "config.json: what is twice or can't be together" {
  assert_config_refused '.linux.namespaces += [{type: "pid"}]' namespaces pid
  assert_config_refused '.linux.namespaces += [{type: "nope"}]' namespaces nope
  assert_config_refused '.process.rlimits += .process.rlimits' rlimits
  assert_config_refused '.process.cwd = "relative"' cwd
  assert_config_refused '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]' Mappings
  assert_config_refused '.linux.sysctl = {"kernel.nope/../../x": "1"}' sysctl
  assert_config_refused '.linux.namespaces |= map(if .type == "network" then .path = "/no/such/ns" else . end)' /no/such/ns
  assert_config_refused '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/uts" else . end)' network
  assert_config_refused '.hostname = "x" | .linux.namespaces |= map(select(.type != "uts"))' hostname
}

@test "a string of megabytes does not make an error of megabytes" {
  cp b/config.json good.json
  head -c 3000000 /dev/zero | tr '\0' x >long
  edit_config b '.linux.namespaces[0].type = $long' --rawfile long long
  assert_refused config.json /linux/namespaces/0
}

@test "an error's text can't write to the terminal" {
  edit_config b '.linux.namespaces[0].type = "\u001b]0;owned\u0007\nroot# "'
  assert_refused config.json
  [[ $stderr != *$'\e'* && $stderr != *$'\a'* ]]
}

# ---- the bundle and its rootfs

@test "a bundle that is missing, or no folder" {
  local bundle
  touch file
  for bundle in missing file '' /dev/null; do
    run --separate-stderr rocker_runc create --bundle "$bundle" "$(new_id)"
    assert_failure 1
    assert_one_error_line
  done
  assert_nothing_made
}

@test "a rootfs that is missing, no folder, or not there any more" {
  assert_config_refused '.root.path = "nowhere"' /root/path nowhere
  touch b/file
  assert_config_refused '.root.path = "file"' /root/path 'not a directory'
  assert_config_refused '.root.path = ""' path
  rm -r b/rootfs
  ln -s nowhere b/rootfs
  assert_refused rootfs
}

@test "/dev, /proc and /sys of the rootfs that are links lead nowhere out of it" {
  mkdir victim
  local name target
  for name in dev proc sys; do
    for target in "$TEST_DIR/victim" ../../../../../../../../../../.."$TEST_DIR/victim" /proc/self/cwd /tmp . ..; do
      rm -rf "b/rootfs/${name:?}"
      ln -s "$target" "b/rootfs/$name"
      run --separate-stderr timeout -s KILL 20 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)" </dev/null &
      wait "$!"
      run --separate-stderr timeout -s KILL 20 "$ROCKER_RUNC" --root "$RUNC_ROOT" run -d --bundle b "$(new_id)" </dev/null 3>&- 4>&-
      # Either it is refused in one line, or it stays inside.
      if [[ $status != 0 ]]; then
        assert_one_error_line
        assert_nothing_made
      else
        rocker_runc delete -f "$(new_id)"
      fi
      [[ -z $(ls -A victim) ]] || fail "$name -> $target: $(ls -A victim)"
      assert_no_leftovers
      rm "b/rootfs/$name"
      mkdir "b/rootfs/$name"
    done
  done
}

# ---- container IDs

@test "IDs that are too long, or paths" {
  local id
  for id in "$(printf 'x%.0s' {1..5000})" "$(printf 'x%.0s' {1..256})" / a/b ../b /etc/passwd . .. '' 'a b' $'\n' 'a*' '$(x)'; do
    local command
    for command in create start state kill delete 'delete -f' exec; do
      # shellcheck disable=SC2086
      run --separate-stderr rocker_runc $command "$id" x
      [[ $status = 1 ]] || fail "$command '${id:0:20}': $status"
      assert_one_error_line
      [[ ${#stderr} -lt 500 ]]
    done
  done
  assert_exists b
  assert_nothing_made
}

@test "an ID of 255 bytes is one" {
  local id
  id=$(printf '%s%0255d' "$(new_id)" 0)
  id=${id:0:255}
  # Not as the name of a cgroup and of files beside it, which have their own limits.
  edit_config b '.linux.cgroupsPath = $path' --arg path "/$(new_id)"
  rocker_runc run -d --bundle b "$id" </dev/null >log 2>&1 3>&- 4>&- || cat log
  assert_equal "$(rocker_runc list -q)" "$id"
  rocker_runc delete -f "$id"
  assert_nothing_made
}

# ---- state.json

@test "state.json: corrupt, half written, of a newer version: an error, and delete --force cleans up all the same" {
  local broken pid
  for broken in 'echo "{"' ': ' 'echo null' 'echo []' 'jq "{version: 999} + del(.version)" good' 'jq "del(.pid)" good' 'head -c 100 good' \
    'jq ".pid = \"x\"" good' 'jq ".cgroup = 7" good' 'jq ".id = \"other\"" good' 'printf "\0\0\0\0"' 'jq ".version = 2" good'; do
    run_detached "$(new_id)" b
    pid=$(container_pid "$(new_id)")
    cp "$RUNC_ROOT/$(new_id)/state.json" good
    bash -c "$broken" >"$RUNC_ROOT/$(new_id)/state.json"
    run --separate-stderr rocker_runc state "$(new_id)"
    [[ $status = 1 ]] || fail "$broken: $status"
    assert_one_error_line state.json
    [[ $stderr == *'delete --force'* ]]
    run --separate-stderr rocker_runc delete "$(new_id)"
    [[ $status = 1 ]] || fail "delete, $broken: $status"
    run rocker_runc delete --force "$(new_id)"
    [[ $status = 0 ]] || fail "delete -f, $broken: $output"
    wait_until 5 is_gone "$pid"
    assert_nothing_made
  done
}

@test "state.json: missing" {
  run_detached "$(new_id)" b
  local pid
  pid=$(container_pid "$(new_id)")
  rm "$RUNC_ROOT/$(new_id)/state.json"
  run --separate-stderr rocker_runc state "$(new_id)"
  assert_failure 1
  assert_one_error_line state.json
  rocker_runc delete -f "$(new_id)"
  wait_until 5 is_gone "$pid"
  assert_nothing_made
}

@test "state.json and config.json: both corrupt" {
  run_detached "$(new_id)" b
  local pid
  pid=$(container_pid "$(new_id)")
  echo '{' | tee "$RUNC_ROOT/$(new_id)/state.json" >"$RUNC_ROOT/$(new_id)/config.json"
  run rocker_runc delete -f "$(new_id)"
  assert_success
  assert_output --partial warning
  assert_equal "$(ls -A "$RUNC_ROOT")" ''
  kill -9 "$pid" 2>/dev/null || :
}

@test "config.json of the state: corrupt, and delete cleans up all the same" {
  run_detached "$(new_id)" b
  local pid
  pid=$(container_pid "$(new_id)")
  echo '{' >"$RUNC_ROOT/$(new_id)/config.json"
  run --separate-stderr rocker_runc exec "$(new_id)" true
  assert_failure 1
  assert_one_error_line config.json
  rocker_runc delete -f "$(new_id)"
  wait_until 5 is_gone "$pid"
  assert_nothing_made
}

@test "a pid that is another process's by now is not touched" {
  sleep 1234 3>&- 4>&- &
  local other=$!
  run_detached "$(new_id)" b
  local init state="$RUNC_ROOT/$(new_id)/state.json"
  init=$(container_pid "$(new_id)")
  # The number of a process that lives, which started at another time than the container's did.
  cp "$state" good
  jq ".pid = $other" good >"$state"
  assert_equal "$(container_status "$(new_id)")" stopped
  run --separate-stderr rocker_runc kill "$(new_id)" KILL
  assert_failure 1
  assert_one_error_line 'not running'
  run --separate-stderr rocker_runc exec "$(new_id)" true
  assert_failure 1
  assert_one_error_line 'not running'
  jq '.startTime += 1' good >"$state"
  assert_equal "$(container_status "$(new_id)")" stopped
  # What is in its cgroup is its own.
  rocker_runc delete "$(new_id)"
  wait_until 5 is_gone "$init"
  kill -0 "$other"
  kill "$other"
  assert_nothing_made
}

@test "--root: on a mount that has vanished, a file, not there" {
  run --separate-stderr "$ROCKER_RUNC" --root "$TEST_DIR/b/config.json" list
  assert_failure 1
  assert_one_error_line config.json
  run --separate-stderr "$ROCKER_RUNC" --root "$TEST_DIR/b/config.json" create --bundle b "$(new_id)"
  assert_failure 1
  assert_one_error_line config.json
  mkdir mounted
  mount -t tmpfs "$TEST_TAG" mounted
  "$ROCKER_RUNC" --root "$TEST_DIR/mounted" run -d --bundle b "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  local pid
  pid=$("$ROCKER_RUNC" --root "$TEST_DIR/mounted" state "$(new_id)" | jq .pid)
  umount -l mounted
  run --separate-stderr "$ROCKER_RUNC" --root "$TEST_DIR/mounted" state "$(new_id)"
  assert_failure 1
  assert_one_error_line 'does not exist'
  run "$ROCKER_RUNC" --root "$TEST_DIR/mounted" delete -f "$(new_id)"
  assert_success
  kill -9 "$pid"
}

# ---- two at once

@test "two starts at once: one of them starts the container" {
  local i first second
  for i in {1..5}; do
    create_container "$(new_id)" b
    rocker_runc start "$(new_id)" >one 2>&1 3>&- 4>&- &
    first=$!
    rocker_runc start "$(new_id)" >two 2>&1 3>&- 4>&- &
    second=$!
    wait_for "$first"
    first=$status
    wait_for "$second"
    [[ "$first $status" = '0 1' || "$first $status" = '1 0' ]] || fail "$first $status: $(cat one two)"
    grep -q 'it is running' one two
    assert_equal "$(container_status "$(new_id)")" running
    rocker_runc delete -f "$(new_id)"
  done
}

@test "two creates of an ID at once: one container" {
  local i n
  for i in {1..5}; do
    for n in 1 2 3; do
      { if create_container "$(new_id)" b; then echo 0; else echo 1; fi >"status.$n"; } 3>&- 4>&- &
    done
    wait
    assert_equal "$(cat status.* | sort | tr '\n' ' ')" '0 1 1 '
    rocker_runc delete -f "$(new_id)"
    assert_nothing_made
  done
}

@test "delete while exec" {
  local i
  for i in {1..5}; do
    run_detached "$(new_id)" b
    rocker_runc exec "$(new_id)" sleep 1000 </dev/null >exec.log 2>&1 3>&- 4>&- &
    local exec=$!
    [[ $((i % 2)) = 0 ]] || sleep 0.2
    rocker_runc delete -f "$(new_id)"
    wait_for "$exec"
    [[ $status != 0 ]] || fail "exec: $(cat exec.log)"
    [[ $(wc -l <exec.log) -le 1 ]] || fail "$(cat exec.log)"
    assert_nothing_made
  done
}

@test "kill, state and list while containers come and go" {
  local i
  (while :; do
    rocker_runc list -f json >>list.json 2>>list.err || echo "failed" >>list.err
  done) 3>&- 4>&- &
  local lister=$!
  for i in {1..10}; do
    run_detached "$(new_id "$i")" b
    rocker_runc delete -f "$(new_id "$i")"
  done
  kill "$lister"
  wait "$lister" || :
  assert_equal "$(cat list.err)" ''
  jq -e -s 'length > 0' list.json
  assert_nothing_made
}
