#!/usr/bin/env bats
# The known ways out of a container: who owns the image, or a process in the container, tries to get at the host.

load helpers
load process

# A directory of the host's that nothing may appear in.
outside() {
  mkdir -p outside
  echo "$TEST_DIR/outside"
}
assert_untouched() { assert_equal "$(ls -A outside)" ''; }

@test "security: a link in the image never leads a mount's target outside" {
  local target
  target=$(outside)
  make_bundle b '.process.args = ["sh", "-c", "ls -d /link/* /via/..; mount | grep -c hit"] |
    .mounts += [{destination: "/link/dir", type: "tmpfs", source: "hit"},
      {destination: "/link/file", source: "note", options: ["bind"]},
      {destination: "/via/../link2/x", type: "tmpfs", source: "hit"}]'
  echo note >b/note
  ln -s "$target" b/rootfs/link
  ln -s "../../../../../../../../../..$target" b/rootfs/link2
  ln -s / b/rootfs/via
  run run_bundle b
  assert_success
  assert_line --index 0 /link/dir
  assert_line --index 1 /link/file
  assert_line '2'
  assert_untouched
  # It is made where the link leads inside the root.
  assert_dir_exists "b/rootfs$target/dir"
  assert_dir_exists "b/rootfs$target/x"
}

@test "security: a dangling link in the place of a file mount's target stays inside" {
  local target
  target=$(outside)
  make_bundle b '.process.args = ["cat", "/etc/inner"] | .mounts += [{destination: "/etc/inner", source: "note", options: ["bind", "ro"]}]'
  echo note >b/note
  ln -sf "$target/made" b/rootfs/etc/inner
  run run_bundle b
  assert_success
  assert_output note
  assert_untouched
}

@test "security: /proc, /sys and /dev that are links in the image are refused (CVE-2019-19921)" {
  local name
  outside >/dev/null
  for name in proc sys dev; do
    make_bundle "$name"
    rmdir "$name/rootfs/$name" 2>/dev/null || rm -rf "$name/rootfs/${name:?}"
    mkdir "$name/rootfs/elsewhere"
    ln -s /elsewhere "$name/rootfs/$name"
    run --separate-stderr run_bundle "$name"
    assert_failure 1
    assert_one_error_line "mount on /$name: it is a symbolic link in the root file system"
    assert_equal "$(ls -A "$name/rootfs/elsewhere")" ''
  done
}

@test "security: nothing is mounted inside /proc (CVE-2019-16884)" {
  local mount index
  make_bundle b
  mkdir b/fake
  index=$(jq '.mounts | length' b/config.json)
  cp b/config.json base.json
  for mount in '{"destination": "/proc/self/attr", "type": "tmpfs"}' \
    '{"destination": "/proc/sys", "source": "fake", "options": ["bind"]}' \
    '{"destination": "/proc/self/attr/apparmor/exec", "source": "config.json", "options": ["bind"]}' \
    '{"destination": "/proc/self", "type": "cgroup"}' \
    '{"destination": "/link", "type": "tmpfs"}'; do
    jq --argjson mount "$mount" '.mounts += [$mount]' base.json >b/config.json
    ln -sfn /proc/sys b/rootfs/link
    run --separate-stderr run_bundle b
    assert_failure 1
    assert_one_error_line "config.json: /mounts/$index: "
    [[ $stderr == *'/proc'* ]]
  done
}

@test "security: a file of /proc that lxcfs provides may be mounted over" {
  make_bundle b '.process.args = ["cat", "/proc/uptime"] | .mounts += [{destination: "/proc/uptime", source: "fake", options: ["bind", "ro"]}]'
  echo 'up long' >b/fake
  run run_bundle b
  assert_success
  assert_output 'up long'
}

@test "security: masked paths are not masked with what the image has as /dev/null (CVE-2025-31133)" {
  echo secret >host
  make_bundle b '.process.args = ["cat", "/etc/hidden"] | .linux.maskedPaths = ["/etc/hidden"] | .mounts |= map(select(.destination | startswith("/dev") | not))'
  echo hidden >b/rootfs/etc/hidden
  rm -f b/rootfs/dev/null
  ln -s "$TEST_DIR/host" b/rootfs/dev/null
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/dev/null'
  rm b/rootfs/dev/null
  echo 'not the device' >b/rootfs/dev/null
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/dev/null'
  # A /dev that is brought along is no better.
  mkdir dev
  ln -s "$TEST_DIR/host" dev/null
  edit_config b '.mounts += [{destination: "/dev", source: $dev, options: ["rbind"]}]' --arg dev "$TEST_DIR/dev"
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line '/dev/null is not the null device'
}

@test "security: no open directory of the host's leads a program outside (CVE-2024-21626)" {
  local n up
  make_bundle b '.process.args = ["/bin/x", "echo", "escaped"]'
  mkdir host
  cp b/rootfs/bin/busybox host/sh
  for n in {3..14}; do
    for up in "..$TEST_DIR" "../../../../../../..$TEST_DIR" ../../../host ../../host ../host; do
      ln -sfn "/proc/self/fd/$n/$up/host/sh" b/rootfs/bin/x
      run run_bundle b
      assert_failure 127
      refute_output --partial 'applet'
    done
  done
  # Nor the process that `exec` brings in.
  edit_config b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  for n in {3..14}; do
    run rocker_runc exec "$(new_id)" "/proc/self/fd/$n/../../../../../../..$TEST_DIR/host/sh" echo escaped
    assert_failure 127
    refute_output --partial 'applet'
  done
}

@test "security: no open directory of the host's is a working directory (CVE-2024-21626)" {
  local n
  make_bundle b '.process.args = ["pwd"]'
  run_detached_sleep=$(new_id s)
  make_bundle s '.process.args = ["sleep", "100"]'
  run_detached "$run_detached_sleep" s
  for n in {3..14}; do
    edit_config b '.process.cwd = $cwd' --arg cwd "/proc/self/fd/$n"
    run run_bundle b
    assert_failure
    run rocker_runc exec --cwd "/proc/self/fd/$n/../.." "$run_detached_sleep" pwd
    assert_failure
  done
}

@test "security: a startContainer hook is not found through a directory of the host's" {
  local n
  make_bundle b '.process.args = ["echo", "runs"] | .hooks.startContainer = [{path: "/bin/x", args: ["sh", "-c", "echo escaped >/escaped"]}]'
  mkdir host
  cp b/rootfs/bin/busybox host/sh
  for n in {3..14}; do
    ln -sfn "/proc/self/fd/$n/../../../../../../..$TEST_DIR/host/sh" b/rootfs/bin/x
    run run_bundle b
    assert_failure
    [[ ! -e b/rootfs/escaped ]] || fail "through descriptor $n"
  done
}

@test "security: the runtime's binary can't be written from inside (CVE-2019-5736)" {
  local copy=$TEST_DIR/rocker-runc before
  cp "$ROCKER_RUNC" "$copy"
  before=$(sha256sum <"$copy")
  # The program is the runtime itself, by a link and as the interpreter of a script.
  make_bundle b '.process.args = ["/bin/x", "features"]'
  ln -s /proc/self/exe b/rootfs/bin/x
  run "$copy" --root "$RUNC_ROOT" run --bundle b "$(new_id)" </dev/null
  echo "$output" >/dev/null
  rm b/rootfs/bin/x
  printf '#!/proc/self/exe features\n' >b/rootfs/bin/x
  chmod +x b/rootfs/bin/x
  run "$copy" --root "$RUNC_ROOT" run --bundle b "$(new_id)" </dev/null
  assert_equal "$(sha256sum <"$copy")" "$before"

  # A process in the container that waits for the runtime to come in by exec, and opens its binary to write.
  edit_config b '.process.args = ["sh", "-c", $script] | .process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"])' \
    --arg script 'while :; do for p in /proc/[0-9]*; do
      case $(readlink $p/exe) in *busybox*|"") ;; *) { echo -n X >$p/exe; } 2>/dev/null && echo written >/written ;; esac; done; done'
  "$copy" --root "$RUNC_ROOT" run --detach --bundle b "$(new_id)" </dev/null >/dev/null 2>&1 3>&- 4>&-
  local i
  for i in {1..15}; do
    timeout 20 "$copy" --root "$RUNC_ROOT" exec "$(new_id)" /proc/self/exe features </dev/null >/dev/null 2>&1 || :
    timeout 20 "$copy" --root "$RUNC_ROOT" exec "$(new_id)" true </dev/null >/dev/null 2>&1 || :
  done
  : "$i"
  [[ ! -e b/rootfs/written ]] || fail 'the binary was written to'
  assert_equal "$(sha256sum <"$copy")" "$before"
}

@test "security: no descriptor of the runtime's or the caller's reaches the container" {
  make_bundle b '.process.args = ["sh", "-c", "ls /proc/self/fd | tr \"\n\" \" \""]'
  # The last one is of the ls itself.
  exec 7</ 8>leak
  run run_bundle b
  exec 7<&- 8>&-
  assert_success
  assert_output '0 1 2 3 '
  edit_config b '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  run bash -c "exec 7</; exec '$ROCKER_RUNC' --root '$RUNC_ROOT' exec $(new_id) ls /proc/self/fd </dev/null"
  assert_output $'0\n1\n2\n3'
}

@test "security: what an image mounts or makes in /dev is not followed by the devices" {
  local target
  target=$(outside)
  make_bundle b '.mounts |= map(select(.destination | startswith("/dev") | not)) | .process.args = ["true"]'
  rm -rf b/rootfs/dev
  ln -s "$target" b/rootfs/dev
  run run_bundle b
  assert_untouched
  rm b/rootfs/dev
  mkdir b/rootfs/dev
  ln -s "$target/zero" b/rootfs/dev/zero
  run --separate-stderr run_bundle b
  assert_failure 1
  assert_one_error_line 'make device /dev/zero: there is something else already, not the device c 1:5'
  assert_untouched
}

@test "security: what is written to /proc for the container is written to the real one (CVE-2025-52881)" {
  make_bundle b '.process.args = ["sh", "-c", "find /proc -type f | wc -l; mount -t proc x /mnt && cat /mnt/sys/net/ipv4/ip_default_ttl"] |
    .process.capabilities |= map_values(["CAP_SYS_ADMIN"]) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
    .mounts[0] = {destination: "/proc", type: "tmpfs"} | .linux.sysctl = {"net.ipv4.ip_default_ttl": "41"}'
  mkdir -p b/rootfs/proc/sys/net/ipv4
  run run_bundle b
  assert_success
  assert_output $'0\n41'
}
