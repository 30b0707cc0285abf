#!/usr/bin/env bats
# What stands under EXAMPLES in the man pages runs as it stands there. (rocker(1) and rocker.conf(5): rocker_help, rocker_conf.)
load helpers
load gpg

setup() {
  setup_test
  mkdir bin
  ln -s "$ROCKER_IMAGE" bin/rocker-image
  # With a folder of its own for what runs.
  printf '#!/bin/sh\nexec "%s" --root "%s" "$@"\n' "$ROCKER_RUNC" "$RUNC_ROOT" >bin/rocker-runc
  chmod 755 bin/rocker-runc
  PATH=$TEST_DIR/bin:$PATH
  ln -s "$(busybox_tar)" busybox.tar
}

# The commands of a page, a line each, as a reader sees them.
examples() { # PAGE
  sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$REPO/man/$1" |
    sed -n -e '/^\.Bd/,/^\.Ed/{/^\.[BE]d/d;s/^# //;p;}' -e 's/^\.Dl //p' | sed 's/\\(dq/"/g; s/\\e/\\/g'
}

@test "man: the examples of rocker-image(1) run" {
  gpg_home
  gpg_key t@example.org keys.gpg
  cp -L busybox.tar base.tar
  sha256sum base.tar >base.tar.sha256
  gpg_sign base.tar.sha256 base.tar.sha256.sig
  gpg_end
  cp -L busybox.tar plain.tar
  gzip -dcf <plain.tar | xz -0 >rootfs.tar.xz
  rocker_image import plain.tar app:2
  rocker_image save app:2 -o docker.tar
  rocker_image rm app:2
  docker() { [[ $* = 'save app:2' ]] && cat "$TEST_DIR/docker.tar"; }
  examples rocker-image.1 >lines
  assert_equal "$(wc -l <lines)" 3
  while read -r line; do
    eval "$line" >out 2>&1 || fail "$line: $(<out)"
  done <lines
  run -0 rocker_image list --format '{{.Repository}}:{{.Tag}}'
  assert_equal "$(printf '%s\n' "${lines[@]}" | sort | xargs)" 'app:2 base:1.0 base:latest'
}

@test "man: the examples of rocker-runc(8) run" {
  # podman's own words for this machine: no network, no systemd, no higher limits.
  podman() {
    [[ $1 = --runtime && $2 = /usr/local/sbin/rocker-runc && $3 = run ]] || return 1
    command -v podman >/dev/null || return 0
    local podman=(command podman --root "$TEST_DIR/podman" --runroot "$TEST_DIR/podman-run" --storage-driver vfs --cgroup-manager cgroupfs)
    "${podman[@]}" import -q "$(readlink -f busybox.tar)" alpine </dev/null
    "${podman[@]}" --runtime "$ROCKER_RUNC" run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "${@:4}"
  }
  examples rocker-runc.8 >lines
  [[ $(wc -l <lines) -ge 12 ]]
  while read -r line; do
    eval "$line" </dev/null >out 2>&1 3>&- 4>&- || fail "$line: $(<out)"
    [[ $line != *'kill web'* ]] || wait_until 10 sh -c "rocker-runc state web | grep -q '\"stopped\"'"
  done <lines
  run -0 rocker-runc list -q
  assert_output ''
}

@test "man: the example of rocker-bundle(5) runs" {
  import_busybox
  examples rocker-bundle.5 | sed "s|/tmp/b|$TEST_DIR/b|" >lines
  assert_equal "$(wc -l <lines)" 3
  while read -r line; do
    eval "$line" </dev/null >out 2>&1 || fail "$line: $(<out)"
    [[ $line != *'run -b'* ]] || assert_equal "$(<out)" hello
  done <lines
}

@test "man: the example of rocker-image.json(5) is an image" {
  mkdir -p "$ROCKER_ROOT/images/busybox/latest/rootfs"
  examples rocker-image.json.5 >"$ROCKER_ROOT/images/busybox/latest/image.json"
  run -0 --separate-stderr rocker_image list
  assert_line --regexp '^busybox +latest +b38350bb +441\.1MB +2026-01-14 17:07:17$'
}
