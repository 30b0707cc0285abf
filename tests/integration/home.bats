#!/usr/bin/env bats
# HOME, which engines leave to the runtime: from the container's own /etc/passwd, else "/".

load helpers
load process

home_bundle() { # FILTER
  make_bundle b ".process.args = [\"sh\", \"-c\", \"echo \$HOME\"] | .process.env = [\"PATH=/bin\"] | $1"
  printf 'root:x:0:0::/root:/bin/sh\nbroken\nuser:x:1000:1000:A user:/home/u:/bin/sh\nhomeless:x:1001:1001:::\n' >b/rootfs/etc/passwd
}

@test "HOME: that of the user in the container's passwd, as the peers have it" {
  local uid home
  for uid in 0=/root 1000=/home/u 1001=/ 4242=/; do
    home=${uid#*=} uid=${uid%=*}
    rm -rf b
    home_bundle ".process.user = {uid: $uid, gid: $uid}"
    run run_bundle b
    assert_success
    assert_output "$home"
  done
  rm -rf b
  home_bundle '.process.user = {uid: 1000, gid: 1000}'
  assert_same_as b runc crun
  rm b/rootfs/etc/passwd
  run run_bundle b
  assert_output /
  assert_same_as b runc crun
}

@test "HOME: what config.json says is kept, an empty one is none" {
  home_bundle '.process.env += ["HOME=/there"]'
  run run_bundle b
  assert_output /there
  edit_config b '.process.env = ["PATH=/bin", "HOME="]'
  run run_bundle b
  assert_output /root
}

@test "HOME: of another user by exec" {
  home_bundle '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" b
  run rocker_runc exec "$(new_id)" sh -c 'echo $HOME'
  assert_output /root
  run rocker_runc exec --user 1000 "$(new_id)" sh -c 'echo $HOME'
  assert_output /home/u
}

@test "HOME: a passwd that would hold up or mislead whoever reads it is not read" {
  home_bundle .
  rm b/rootfs/etc/passwd
  mkfifo b/rootfs/etc/passwd
  run timeout 20 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)" </dev/null
  assert_output /
  rm b/rootfs/etc/passwd
  ln -s /dev/zero b/rootfs/etc/passwd
  run timeout 20 "$ROCKER_RUNC" --root "$RUNC_ROOT" run --bundle b "$(new_id)" </dev/null
  assert_output /
}
