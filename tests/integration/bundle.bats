#!/usr/bin/env bats
# rocker-image bundle and unbundle: what the config.json asks for is what every runtime does.

load helpers

setup() {
  setup_test
  needs overlay
  import_busybox
}

# Makes a bundle and runs it under each runtime of this machine.
each_runtime() { # FUNCTION ARGUMENT-OF-BUNDLE...
  local check=$1 name
  shift
  for name in $(runtimes); do
    rocker_image bundle busybox "b-$name" "$@"
    run runtime "$name" run --bundle "b-$name" "$(new_id "$name")" </dev/null
    "$check" "$name" || fail "under $name"
    rocker_image unbundle "b-$name"
  done
}

@test "bundle: runs unchanged under rocker-runc, runc and crun, with the process as asked for" {
  check() {
    assert_success
    assert_line 'uid=65534(nobody) gid=65534(nobody)'
    assert_line there
    assert_line /tmp
    assert_line 'A=1 B=two words'
    assert_line 'value here'
  }
  each_runtime check --user nobody --workdir /tmp --hostname there --env A=1 -e 'B=two words' \
    -- /bin/sh -c 'id; hostname; pwd; echo "A=$A B=$B"; echo "$1"' sh 'value here'
}

@test "bundle: the image stays as it is, and unbundle leaves nothing" {
  local before
  before=$(find "$(rocker_image path busybox)" -printf '%p %s %m %U %T@\n' | sort | md5sum)
  rocker_image bundle busybox b -- /bin/sh -c 'echo x >/new; rm /bin/ls; echo x >>/etc/passwd'
  rocker_runc run -b b "$(new_id)"
  assert_file_exist b/rootfs/new
  assert_file_not_exist b/rootfs/bin/ls
  assert_equal "$(find "$(rocker_image path busybox)" -printf '%p %s %m %U %T@\n' | sort | md5sum)" "$before"
  rocker_image unbundle b
  assert_dir_not_exist b
  run cat /proc/self/mounts
  refute_output --partial "$TEST_DIR"
}

@test "bundle: config.json is valid, and names the image" {
  needs schemas
  local options=(--tty --memory 256m --cpu-shares 512 --cpuset-cpus 0 --cpus 1.5 --pids-limit 50 --env A=1
    --workdir /tmp --user 1:2 --hostname h --volume /tmp:/mnt:ro --mount type=tmpfs,target=/scratch,tmpfs-size=1m
    --read-only --network none --annotation com.example=yes --ulimit nofile=100:200 --cap-add NET_ADMIN
    --sysctl net.ipv4.ip_forward=1 --oom-score-adj 100 --device /dev/null:/dev/zilch)
  rocker_image bundle busybox b "${options[@]}" -- true
  # Members that are newer than Debian's schema are none here: it is asked as it is.
  assert_valid "$SCHEMAS/config-schema.json" b/config.json
  assert_json .annotations '{"com.example":"yes","org.opencontainers.image.ref.name":"busybox:latest","org.opencontainers.image.stopSignal":"SIGTERM"}' b/config.json
  assert_json .linux.resources.memory.limit 268435456 b/config.json
  assert_json '.linux.resources.cpu | [.shares, .quota, .period, .cpus]' '[512,150000,100000,"0"]' b/config.json
  assert_json .linux.resources.pids.limit 50 b/config.json
  assert_json .root '{"path":"rootfs","readonly":true}' b/config.json
  assert_json .process.user '{"uid":1,"gid":2}' b/config.json
  assert_json '[.linux.namespaces[].type]' '["pid","network","ipc","uts","mount","cgroup"]' b/config.json
}

@test "bundle: the defaults keep the container in: capabilities, masks, seccomp, no new privileges, lo up" {
  check() {
    assert_success
    assert_line 'NoNewPrivs:	1'
    assert_line 'Seccomp:	2'
    assert_line --regexp '^CapEff:.*800405fb$'
    assert_line 'kcore 0'
    assert_line 'sysrq ro'
    assert_line --partial '<LOOPBACK,UP'
    assert_line 'reboot refused'
  }
  each_runtime check -- /bin/sh -c 'cat /proc/self/status; echo "kcore $(head -c1 /proc/kcore | wc -c)"
    echo h 2>/dev/null >/proc/sysrq-trigger || echo sysrq ro; ip addr show lo; mount -t tmpfs x /mnt || echo reboot refused'
}

@test "bundle: volumes, read-only root, tmpfs" {
  mkdir data
  echo content >data/file
  check() {
    assert_success
    assert_line content
    assert_line 'ro stays'
    assert_line 'root stays'
    assert_line 'scratch works'
  }
  each_runtime check -v "$PWD/data:/data:ro" --tmpfs /scratch:size=1m --read-only -- /bin/sh -c 'cat /data/file
    touch /data/new 2>/dev/null || echo ro stays; touch /new 2>/dev/null || echo root stays
    touch /scratch/x && echo scratch works'
}

@test "bundle: a store whose name has ':' and ',' and a blank in it" {
  local odd="$TEST_DIR/a:b,c \\d"
  mkdir "$odd"
  ROCKER_ROOT=$odd/store rocker_image import "$(busybox_tar)" host.example:5000/team/tool:1.2
  ROCKER_ROOT=$odd/store rocker_image bundle host.example:5000/team/tool:1.2 "$odd/bundle" -- /bin/echo found
  run -0 rocker_runc run -b "$odd/bundle" "$(new_id)"
  assert_output found
  ROCKER_ROOT=$odd/store rocker_image unbundle "$odd/bundle"
}

@test "bundle: --rootfs=copy copies; overlay that can't be is copied, and said once" {
  run -0 --separate-stderr rocker_image bundle busybox b --rootfs=copy -- /bin/echo copied
  assert_equal "$stderr" ''
  run -0 rocker_runc run -b b "$(new_id)"
  assert_output copied
  run cat /proc/self/mounts
  refute_output --partial "$PWD/b/rootfs"
  rocker_image unbundle b
  assert_dir_not_exist b

  # overlayfs can't be the upper layer of another overlayfs.
  mkdir lower upper work merged
  mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
  run -0 --separate-stderr rocker_image bundle busybox merged/b -- /bin/echo copied
  assert_equal "${#stderr_lines[@]}" 1
  assert_equal "$(grep -c 'the image is copied' <<<"$stderr")" 1
  run -0 rocker_runc run -b merged/b "$(new_id)"
  assert_output copied
  run -1 --separate-stderr rocker_image bundle busybox merged/c --rootfs=overlay -- true
  assert_one_error_line --rootfs=copy
  assert_dir_not_exist merged/c
  rocker_image unbundle merged/b
  umount merged
}

@test "bundle: users are looked up in the image, also when that is hostile" {
  local root
  root=$(rocker_image path busybox)
  # A link that leads out of the root is resolved inside it; a FIFO holds nobody up.
  mv "$root/etc/passwd" "$root/etc/real"
  ln -s ../../../../etc/real "$root/etc/passwd"
  rm -f "$root/etc/group"
  mkfifo "$root/etc/group"
  run -0 timeout 5 "$ROCKER_IMAGE" bundle busybox b --user nobody -- true
  assert_json .process.user.uid 65534 b/config.json
  ln -sf /proc/self/environ "$root/etc/passwd"
  run -1 --separate-stderr timeout 5 "$ROCKER_IMAGE" bundle busybox c --user nobody -- true
  assert_one_error_line 'no user "nobody"'
  assert_dir_not_exist c
  rocker_image unbundle b
}

@test "bundle: what is wrong is said in one line, and nothing is left" {
  bad() { # PART ARGUMENT...
    local part=$1
    shift
    run -1 --separate-stderr rocker_image bundle busybox b "$@"
    assert_one_error_line "$part"
    assert_dir_not_exist b
  }
  bad 'did you mean --memory' --memroy 1g -- true
  bad '--memory: "12q"' --memory 12q -- true
  bad '--cpus' --cpus many -- true
  bad '--volume' -v relative:path:ro:x -- true
  bad 'absolute path in the container' -v /tmp:tmp -- true
  bad 'is not a capability' --cap-add FLY -- true
  bad '--ulimit' --ulimit nofile -- true
  bad 'no user' --user nobody-here -- true
  bad 'no command' --
  bad '--network' --network bridge -- true
  bad '--hostname' --hostname "$(printf 'x%.0s' {1..70})" -- true
  run -1 --separate-stderr rocker_image bundle nosuch b -- true
  assert_one_error_line 'Image not found'
  mkdir full
  touch full/file
  run -1 --separate-stderr rocker_image bundle busybox full -- true
  assert_one_error_line 'is not empty'
  assert_file_exist full/file
  run -1 --separate-stderr rocker_image unbundle full
  assert_one_error_line 'no bundle'
}

@test "bundle: a rootfs that was taken away is missed by its name" {
  rm -rf "$(rocker_image path busybox)"
  run -1 --separate-stderr rocker_image bundle busybox b -- true
  assert_one_error_line 'rootfs not found'
  assert_dir_not_exist b
}

@test "bundle: a bundle lives on when its image's name is given away" {
  rocker_image bundle busybox b -- /bin/cat /etc/passwd
  mkdir -p other/etc other/bin
  echo other >other/etc/passwd
  tar -cf other.tar -C other .
  rocker_image import other.tar busybox
  run -0 rocker_runc run -b b "$(new_id)"
  assert_output --partial root:
  rocker_image unbundle b
}
