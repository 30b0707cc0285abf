#!/usr/bin/env bats
# linux.maskedPaths: config-linux.md, "Masked Paths".

load helpers
load process

@test "masked paths: files read empty, directories are empty, and neither can be written" {
  make_bundle b '.process.args = ["sh", "-c", "exec 2>&1; cat /etc/file; ls -A /etc/dir; touch /etc/dir/x; echo x >/etc/file; cat /proc/keys; ls -A /sys/firmware; stat -c %F /etc/link"] |
    .linux.maskedPaths += ["/etc/file", "/etc/dir", "/etc/link", "/etc/../etc/other/"]'
  mkdir -p b/rootfs/etc/dir/sub b/rootfs/etc/other
  echo secret | tee b/rootfs/etc/file >b/rootfs/etc/dir/secret
  ln -s other b/rootfs/etc/link
  run run_bundle b
  refute_output --partial secret
  assert_line --partial '/etc/dir/x: Read-only file system'
  assert_equal "${#lines[@]}" 2
  assert_equal "$(cat b/rootfs/etc/file b/rootfs/etc/dir/secret)" $'secret\nsecret'
  assert_same_as b runc
}

@test "masked paths: those that are missing are no error" {
  make_bundle b '.process.args = ["echo", "runs"] | .linux.maskedPaths += ["/no/such/path", "/bin/busybox/x"]'
  run --separate-stderr run_bundle b
  assert_success
  assert_output runs
  assert_equal "$stderr" ''
}

@test "masked paths: what is mounted there is masked as well" {
  make_bundle b '.process.args = ["sh", "-c", "ls -A /data; ls -A /data2"] | .linux.maskedPaths += ["/data", "/data2/sub"] |
    .mounts += [{destination: "/data", source: "vol", options: ["rbind"]}, {destination: "/data2", source: "vol", options: ["rbind"]}]'
  mkdir -p b/vol/sub
  touch b/vol/sub/secret
  run run_bundle b
  assert_success
  assert_output sub
}

@test "masked paths: a process with every capability in a user namespace can't take them off" {
  needs userns
  make_bundle b '.process.args = ["sh", "-c", "umount /etc/dir; umount /proc/kcore; ls -A /etc/dir"] | .linux.maskedPaths += ["/etc/dir"] |
    .process.capabilities |= map_values(["CAP_SYS_ADMIN"]) | .linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  mkdir b/rootfs/etc/dir
  touch b/rootfs/etc/dir/secret
  run run_bundle b
  # In its own mount namespace root may unmount what was mounted there; in one that it makes itself it may not.
  edit_config b '.process.args = ["unshare", "-Urm", "sh", "-c", "umount /etc/dir; ls -A /etc/dir"] | .process.capabilities = {}'
  run run_bundle b
  refute_output --partial secret
}

@test "masked paths: many of them" {
  make_bundle b '.process.args = ["sh", "-c", "cat /etc/m/* | wc -c; ls -A /etc/d/* | grep -c secret"] |
    .linux.maskedPaths = [range(200) | "/etc/m/\(.)", "/etc/d/\(.)"]'
  mkdir b/rootfs/etc/m b/rootfs/etc/d
  local i
  for i in {0..199}; do
    echo secret >"b/rootfs/etc/m/$i"
    mkdir "b/rootfs/etc/d/$i"
    : >"b/rootfs/etc/d/$i/secret"
  done
  run run_bundle b
  assert_output $'0\n0'
}
