#!/usr/bin/env bats
# features: features.md, features-linux.md. The document is valid, and what it promises is there.

load helpers
load lifecycle

setup() {
  setup_test
  rocker_runc features >features.json
}

promised() { jq -r "$1[]" features.json; }

@test "features: valid against a schema made from the text of the spec" {
  assert_valid "$REPO/spec/schema/features.schema.json" features.json
  # Nobody who reads it has to guess: every member that the spec has is there.
  local member
  for member in $(jq -r '.properties | keys[]' "$REPO/spec/schema/features.schema.json"); do
    assert_json "has(\"$member\")" true features.json
  done
  for member in $(jq -r '.properties.linux.properties | keys[]' "$REPO/spec/schema/features.schema.json"); do
    assert_json ".linux | has(\"$member\")" true features.json
  done
}

@test "features: the schema finds what is wrong" {
  local filter
  for filter in 'del(.ociVersionMin)' '.ociVersionMax = "1"' '.hooks += ["preStart"]' '.linux.new = {}' '.mountOptions = "ro"' \
    '.linux.cgroup.v1 = "yes"' '.linux.seccomp.actions += ["ALLOW"]' '.annotations.a = 1'; do
    jq "$filter" features.json >wrong.json
    run "$REPO/tests/schema-validate" "$REPO/spec/schema/features.schema.json" wrong.json
    [[ $status = 1 ]] || fail "valid all the same: $filter"
  done
  # null is "not said", everywhere but in the two versions.
  jq '.linux = null | .hooks = null' features.json >right.json
  assert_valid "$REPO/spec/schema/features.schema.json" right.json
}

@test "features: the oldest and the newest version are taken, others are not" {
  make_bundle b '.process.args = ["true"]'
  local version
  for version in "$(jq -r .ociVersionMin features.json)" "$(jq -r .ociVersionMax features.json)"; do
    edit_config b '.ociVersion = $version' --arg version "$version"
    rocker_runc run b "$(new_id)" </dev/null
  done
  for version in 2.0.0 1 '' 0.x; do
    edit_config b '.ociVersion = $version' --arg version "$version"
    run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
    assert_failure 1
    assert_one_error_line ociVersion
  done
}

@test "features: hooks" {
  make_bundle b '.process.args = ["true"]'
  # Those that are run in the container's namespaces have their program there.
  local hook
  for hook in $(promised .hooks); do
    edit_config b '.hooks[$hook] = [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; echo x >>" + $file]}]' \
      --arg hook "$hook" --arg file "$([[ $hook = startContainer ]] || echo "$TEST_DIR")/$hook"
  done
  rocker_runc run b "$(new_id)" </dev/null
  for hook in $(promised .hooks); do
    [[ -s $hook || -s b/rootfs/$hook ]] || fail "$hook was not run"
  done
}

@test "features: mount options" {
  make_bundle b '.process.args = ["true"]'
  mkdir src
  local option
  for option in $(promised .mountOptions); do
    case $option in
      bind | rbind | idmap | ridmap | remount) ;;
      # What is not recognized goes to the file system, which knows none of them.
      *) edit_config b '.mounts += [{destination: ("/m/" + $o), type: "tmpfs", source: "tmpfs", options: [$o]}]' --arg o "$option" ;;
    esac
  done
  edit_config b '.mounts += [
    {destination: "/bind", source: $src, options: ["bind"]}, {destination: "/rbind", source: $src, options: ["rbind"]},
    {destination: "/bind", source: $src, options: ["bind", "remount", "ro"]}]' --arg src "$TEST_DIR/src"
  run rocker_runc run b "$(new_id)" </dev/null
  assert_success
  assert_output ''
  edit_config b '.mounts = [{destination: "/m", type: "tmpfs", source: "tmpfs", options: ["rocker"]}]'
  run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
  assert_failure
  assert_one_error_line rocker
}

@test "features: idmap and ridmap" {
  needs userns
  make_bundle b '.process.args = ["stat", "-c", "%u", "/m/file"]'
  mkdir src
  touch src/file
  local option
  for option in idmap ridmap; do
    edit_config b '.mounts += [{destination: "/m", source: $src, options: ["rbind", $o],
      uidMappings: [{containerID: 0, hostID: 1000, size: 10}], gidMappings: [{containerID: 0, hostID: 1000, size: 10}]}]' \
      --arg src "$TEST_DIR/src" --arg o "$option"
    run rocker_runc run b "$(new_id)" </dev/null
    assert_success
    assert_output 1000
  done
}

@test "features: namespaces" {
  make_bundle b '.process.args = ["ls", "-l", "/proc/self/ns"]'
  chown -R 100000:100000 b/rootfs
  edit_config b '.linux.namespaces = [$types[] | {type: .}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings' --argjson types "$(jq -c .linux.namespaces features.json)"
  run rocker_runc run b "$(new_id)" </dev/null
  assert_success
  # The names of the files in /proc are not the spec's.
  local kind
  for kind in cgroup ipc mnt net pid time user uts; do
    [[ ! -e /proc/self/ns/$kind ]] || refute_output --partial "$(readlink "/proc/self/ns/$kind")"
  done
}

@test "features: capabilities" {
  make_bundle b '.process.args = ["true"] | .process.capabilities = {bounding: $all, permitted: $all, effective: $all}' \
    --argjson all "$(jq -c .linux.capabilities features.json)"
  run rocker_runc run b "$(new_id)" </dev/null
  # What the kernel or this machine does not have may be told; what the runtime does not know may not.
  refute_output --partial unknown
  edit_config b '.process.capabilities = {bounding: ["CAP_ROCKER"]}'
  run rocker_runc run b "$(new_id)" </dev/null
  assert_success
  assert_output --partial CAP_ROCKER
}

@test "features: seccomp actions, operators, architectures and flags" {
  make_bundle b '.process.args = ["echo", "alive"]'
  local word
  for word in $(promised .linux.seccomp.actions); do
    # kexec_load: nobody in there calls it.
    [[ $word != SCMP_ACT_NOTIFY ]] || continue
    edit_config b '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["kexec_load"], action: $action}]}
      | if $action == "SCMP_ACT_ALLOW" then .linux.seccomp.defaultAction = "SCMP_ACT_LOG" else . end' --arg action "$word"
    run rocker_runc run b "$(new_id)" </dev/null
    [[ $status = 0 && $output = alive ]] || fail "$word: $output"
  done
  edit_config b '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: $f[0].linux.seccomp.archs,
    flags: ($f[0].linux.seccomp.supportedFlags - ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]),
    syscalls: [$f[0].linux.seccomp.operators[] | {names: ["kexec_load"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 1, valueTwo: 1, op: .}]}]}' \
    --slurpfile f features.json
  run rocker_runc run b "$(new_id)" </dev/null
  assert_success
  assert_output alive
  for word in defaultAction:SCMP_ACT_NOPE architectures:SCMP_ARCH_NOPE flags:SECCOMP_FILTER_FLAG_NOPE; do
    edit_config b '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}
      | .linux.seccomp[$name] = (if $name == "defaultAction" then $value else [$value] end)' \
      --arg name "${word%%:*}" --arg value "${word#*:}"
    run --separate-stderr rocker_runc run b "$(new_id)" </dev/null
    assert_failure 1
    assert_one_error_line "${word#*:}"
  done
}

@test "features: does not depend on the machine, takes no arguments" {
  run unshare --mount sh -c 'mount -t tmpfs none /sys && exec "$@"' - "$ROCKER_RUNC" features
  assert_success
  assert_equal "$output" "$(cat features.json)"
  run --separate-stderr rocker_runc features more
  assert_failure 1
  assert_one_error_line more
}
