#!/usr/bin/env bats
# What `save` writes is what podman, skopeo and umoci load, and what they make of it is the image.
load helpers

setup() {
  setup_test
  mkdir -p tree/etc tree/bin tree/usr/lib tree/tmp tree/empty
  echo one >tree/etc/a
  ln tree/etc/a tree/etc/hard
  ln -s usr/lib tree/lib
  printf '#!/bin/sh\n' >tree/bin/tool
  chmod 4755 tree/bin/tool
  chown 5:6 tree/etc/a
  chown -h 7:8 tree/lib
  chmod 1777 tree/tmp
  mkfifo -m 600 tree/tmp/fifo
  mknod -m 666 tree/tmp/null c 1 3
  setfattr -n user.k -v v tree/bin/tool
  touch -h -d '2020-02-02 02:02:02 UTC' tree/etc/a tree/bin/tool tree/lib tree/tmp/*
  touch -d '2019-01-01 UTC' tree/etc tree/bin tree/usr/lib tree/usr tree/tmp tree/empty tree
  tar --xattrs --format=pax -cf t.tar -C tree .
  rocker_image import -c 'CMD ["/bin/tool", "a b"]' -c 'ENV A=1' -c 'WORKDIR /etc' -c 'LABEL k=v' -c 'USER 5:6' t.tar team/app:1.0
  rocker_image save team/app:1.0 -o s.tar
}

listing() { # DIR: all that a user can see of each file, but the times of links and of the root
  (cd "$1" && find . -mindepth 1 -printf '%p %y %m %U:%G %s %n %l %Ts\n' |
    sed -E 's/ d ([0-7]+) ([^ ]*) [0-9]+ [0-9]+ / d \1 \2 - - /; s/^(.* l .*) [0-9]+$/\1/' | sort)
}

podman_() { timeout -s KILL 120 podman --root "$TEST_DIR/podman" --runroot "$TEST_DIR/podman-run" --storage-driver vfs "$@"; }

@test 'podman load: the files, the configuration and the name' {
  needs command podman
  for compress in none gzip zstd; do
    rocker_image save --compress $compress team/app:1.0 -o s.tar
    run podman_ load -q -i s.tar
    assert_success
    assert_output --partial 'team/app:1.0'
    run podman_ image inspect --format '{{json .Config.Cmd}} {{json .Config.Env}} {{.Config.WorkingDir}} {{json .Config.Labels}} {{.Config.User}}' team/app:1.0
    assert_output --partial '["/bin/tool","a b"]'
    assert_output --partial '"A=1"'
    assert_output --partial '/etc {"k":"v"} 5:6'
    mount=$(podman_ image mount team/app:1.0)
    diff <(listing tree) <(listing "$mount")
    assert_equal "$(getfattr --only-values -n user.k "$mount/bin/tool")" v
    podman_ image unmount team/app:1.0 >/dev/null
    podman_ rmi -f team/app:1.0 >/dev/null
  done
}

@test 'podman load: an archive of several images' {
  needs command podman
  rocker_image tag team/app:1.0 team/app:2.0
  tar -cf other.tar -C tree etc
  rocker_image import other.tar team/other:1.0
  rocker_image save team/app:1.0 team/app:2.0 team/other:1.0 -o s.tar
  run podman_ load -q -i s.tar
  assert_success
  run podman_ images --format '{{.Repository}}:{{.Tag}}'
  for name in team/app:1.0 team/app:2.0 team/other:1.0; do assert_line --partial "$name"; done
}

@test 'skopeo inspects and copies it, as what OCI has and as what docker has' {
  needs command skopeo
  for kind in oci-archive docker-archive; do
    run skopeo inspect "$kind:s.tar"
    assert_success
    assert_json '[.Env, .Labels, .Architecture, (.Layers | length)]' \
      "$(jq -c '[["A=1"], {k: "v"}, .[0].architecture, 1]' <(rocker_image inspect team/app:1.0))"
    run skopeo inspect --config "$kind:s.tar"
    assert_json '.config.Cmd, .config.WorkingDir, .config.User' $'["/bin/tool","a b"]\n"/etc"\n"5:6"'
    rm -rf copy copy.tar
    skopeo copy -q "$kind:s.tar" oci:copy:x
    skopeo copy -q "$kind:s.tar" docker-archive:copy.tar:team/app:2
    for input in copy copy.tar; do
      run rocker_image import "$input" back
      assert_success
      run rocker_image diff team/app:1.0 back
      assert_success
      assert_output ''
    done
  done
}

@test 'umoci unpacks it' {
  needs command umoci
  mkdir lay
  tar -xf s.tar -C lay
  # A tag of umoci's has no colon in it.
  jq '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "one"' lay/index.json >i
  mv i lay/index.json
  run umoci unpack --image lay:one b
  assert_success
  diff <(listing tree) <(listing b/rootfs)
  assert_equal "$(getfattr --only-values -n user.k b/rootfs/bin/tool)" v
  assert_json '.process.args, .process.cwd, [.process.user.uid, .process.user.gid]' $'["/bin/tool","a b"]\n"/etc"\n[5,6]' b/config.json
}

@test 'what the peers save comes back: podman save in each of its formats' {
  needs command podman
  podman_ load -q -i s.tar
  for format in docker-archive oci-archive docker-dir oci-dir; do
    rm -rf out
    podman_ save -q --format $format -o out team/app:1.0
    # podman's directory of that name is no layout.
    [[ $format != docker-dir ]] || continue
    run rocker_image import out back
    assert_success
    run rocker_image diff team/app:1.0 back
    assert_success
    assert_output ''
    assert_json '.[0].config.Cmd' '["/bin/tool","a b"]' <(rocker_image inspect back)
  done
}
