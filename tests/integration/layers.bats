#!/usr/bin/env bats
# import of what `docker save` and OCI tools write: layers, whiteouts, digests, platforms, names.
load helpers
load tar
load layout
# add_layer stands at the end of pipes, and remembers.
shopt -s lastpipe

@test 'an OCI layout: as a folder, a tar, a compressed tar, from a pipe' {
  layout_begin l
  two_layers gzip
  layout_end
  tar -cf l.tar -C l .
  tar -cf bare.tar -C l blobs index.json oci-layout
  gzip -k l.tar
  local input
  for input in l l.tar bare.tar l.tar.gz; do
    run rocker_image import "$input" x
    assert_success
    assert_two_layers x
    assert_json '.[0].source.format' '"oci"' <(rocker_image inspect x)
  done
  run bash -c 'cat bare.tar | "$0" import - x' "$ROCKER_IMAGE"
  assert_success
  assert_two_layers x
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  assert_json '.[0].source.digest' "\"sha256:$(sha256sum bare.tar | cut -d' ' -f1)\"" <(rocker_image inspect x)
}

@test "docker's archive: from a file and from a pipe, by its own name" {
  layout_begin l
  two_layers
  layout_end
  docker_archive d.tar team/app:1.0
  run rocker_image import d.tar
  assert_success
  assert_output --partial 'Imported team/app:1.0 '
  assert_two_layers team/app:1.0
  run bash -c 'cat d.tar | "$0" import - piped' "$ROCKER_IMAGE"
  assert_success
  assert_two_layers piped
  assert_json '.[0].source.format' '"docker"' <(rocker_image inspect piped)
}

@test "the image's configuration is kept" {
  layout_begin l
  two_layers
  layout_end
  rocker_image import l x
  run rocker_image inspect x
  assert_json '.[0].config' '{"User":"7","ExposedPorts":{"80/tcp":{}},"Env":["A=1"],"Entrypoint":["/init"],"Cmd":["/bin/sh"],"Volumes":{"/data":{}},"WorkingDir":"/w","Labels":{"k":"v"},"StopSignal":"SIGQUIT"}'
  assert_json '.[0].history[0].created_by' '"test"'
  assert_json '.[0].source.diff_ids | length' 2
}

@test "docker.io/library/x:tag is x:tag" {
  layout_begin l
  two_layers
  layout_end docker.io/library/thing:2
  run rocker_image import l
  assert_success
  assert_output --partial 'Imported thing:2 '
}

@test 'an opaque whiteout hides what is below, not what its own layer has put beside it' {
  layout_begin l
  { tar_entry name=d/ type=5 mode=755; tar_entry name=d/low content=1; tar_entry name=d/sub/ type=5 mode=755
    tar_entry name=d/sub/low content=1; tar_end; } | add_layer
  # The marker comes after its siblings, and after a file in a directory that this layer never lists.
  { tar_entry name=d/high content=2; tar_entry name=d/sub/high content=2; tar_entry name=d/.wh..wh..opq; tar_end; } | add_layer
  layout_end
  rocker_image import l x
  root=$(rocker_image path x)
  assert_equal "$(cd "$root" && find d | sort | xargs)" 'd d/high d/sub d/sub/high'
}

@test 'a whiteout spares what its own layer has made of the name' {
  layout_begin l
  { tar_entry name=a content=old; tar_entry name=dir/ type=5 mode=755; tar_entry name=dir/old content=1; tar_end; } | add_layer
  { tar_entry name=a content=new; tar_entry name=dir/ type=5 mode=755; tar_entry name=dir/new content=1
    tar_entry name=.wh.a; tar_entry name=.wh.dir; tar_end; } | add_layer
  layout_end
  rocker_image import l x
  root=$(rocker_image path x)
  assert_equal "$(cat "$root/a")" new
  assert_equal "$(ls "$root/dir")" new
}

@test 'a whiteout in the lowest layer takes nothing away' {
  layout_begin l
  { tar_entry name=foo content=1; tar_entry name=.wh.foo; tar_entry name=etc/x content=1; tar_entry name=.wh.etc
    tar_entry name=etc/.wh.x; tar_end; } | add_layer
  layout_end
  run rocker_image import l x
  assert_success
  assert_equal "$(cd "$(rocker_image path x)" && find . -type f | sort | xargs)" './etc/x ./foo'
}

@test 'whiteouts at the top, of directories, of what is not there' {
  layout_begin l
  { tar_entry name=top content=1; tar_entry name=tree/a/b content=1; tar_entry name=stays content=1; tar_end; } | add_layer
  { tar_entry name=.wh.top; tar_entry name=.wh.tree; tar_entry name=.wh.never; tar_entry name=no/such/.wh.x; tar_end; } | add_layer
  layout_end
  run rocker_image import l x
  assert_success
  assert_equal "$(ls -A "$(rocker_image path x)")" stays
  layout_begin l
  one_file old 1 | add_layer
  { tar_entry name=new content=1; tar_entry name=.wh..wh..opq; tar_end; } | add_layer
  layout_end
  rocker_image import l x
  assert_equal "$(ls -A "$(rocker_image path x)")" new
}

@test 'a whiteout follows no symbolic link' {
  layout_begin l
  mkdir outside
  touch outside/precious
  { tar_entry name=real/ type=5 mode=755; tar_entry name=real/file content=1
    tar_entry name=link type=2 link=real; tar_entry name=out type=2 link="$TEST_DIR/outside"
    tar_entry name=alias type=2 link=real/file; tar_end; } | add_layer
  { tar_entry name=link/.wh.file; tar_entry name=out/.wh.precious; tar_entry name=link/.wh..wh..opq
    tar_entry name=.wh.alias; tar_end; } | add_layer
  layout_end
  run --separate-stderr rocker_image import l x
  assert_success
  [[ $stderr == *'3 whiteouts'* ]]
  root=$(rocker_image path x)
  assert [ -e outside/precious ]
  assert_equal "$(cat "$root/real/file")" 1
  assert [ ! -L "$root/alias" ]
}

@test 'whiteouts that name nothing sane are refused' {
  local name
  for name in .wh. .wh.. .wh...; do
    layout_begin l
    one_file a 1 | add_layer
    { tar_entry name=a/ type=5 mode=755; tar_entry name="a/$name"; tar_end; } | add_layer
    layout_end
    run --separate-stderr rocker_image import l x
    assert_failure 1
    assert_one_error_line 'whiteout for no name'
  done
}

@test 'a layer writes through a link of a lower one, also when its target is not there yet' {
  layout_begin l
  { tar_entry name=lib type=2 link=usr/lib; tar_entry name=opt type=2 link=/usr/opt; tar_end; } | add_layer
  { tar_entry name=lib/x content=1; tar_entry name=opt/y content=2; tar_end; } | add_layer
  layout_end
  rocker_image import l x
  root=$(rocker_image path x)
  assert [ -L "$root/lib" ]
  assert_equal "$(cat "$root/usr/lib/x")$(cat "$root/usr/opt/y")" 12
}

@test 'later layers replace: a file by a directory, a directory by a file, attributes alone' {
  layout_begin l
  { tar_entry name=a content=1; tar_entry name=b/c content=1; tar_entry name=d/ type=5 mode=755; tar_entry name=d/in content=1; tar_end; } | add_layer
  { tar_entry name=a/ type=5 mode=755; tar_entry name=a/x content=2; tar_entry name=b content=2; tar_entry name=d/ type=5 mode=700; tar_end; } | add_layer
  layout_end
  rocker_image import l x
  root=$(rocker_image path x)
  assert_equal "$(cat "$root/a/x")$(cat "$root/b")$(cat "$root/d/in")" 221
  assert_equal "$(stat -c %a "$root/d")" 700
}

@test 'empty layers, a layer twice, layers without an end marker' {
  layout_begin l
  tar_end | add_layer
  one_file a 1 | add_layer gzip
  one_file a 1 | add_layer gzip
  tar_entry name=b content=2 | head -c 513 | add_layer
  layout_end
  run rocker_image import l x
  assert_success
  assert_equal "$(ls -A "$(rocker_image path x)" | xargs)" 'a b'
}

@test 'a damaged layer, configuration or manifest is refused, and the image that was there stays' {
  layout_begin l
  two_layers gzip
  layout_end
  rocker_image import l x
  local blob victim
  for blob in "$(jq -r '.layers[1].digest' manifest)" "sha256:$CONFIG" "sha256:$(sha256sum manifest | cut -d' ' -f1)"; do
    victim=l/blobs/sha256/${blob#sha256:}
    cp "$victim" saved
    # The last byte but four: of the gzip trailer, or of the JSON.
    printf '\001' | dd of="$victim" bs=1 seek=$(($(stat -c %s saved) - 5)) conv=notrunc status=none
    run --separate-stderr rocker_image import l x
    assert_failure 1
    assert_one_error_line 'Import failed: l: '
    cp saved "$victim"
    rm "$victim"
    run --separate-stderr rocker_image import l x
    assert_failure 1
    assert_one_error_line 'not in the archive'
    cp saved "$victim"
  done
  assert_two_layers x
}

@test 'a layer whose content is not what the configuration says is refused' {
  layout_begin l
  one_file a 1 | add_layer
  DIFF_IDS='["sha256:0000000000000000000000000000000000000000000000000000000000000000"]'
  layout_end
  run --separate-stderr rocker_image import l x
  assert_failure 1
  assert_one_error_line 'the image says sha256:0000'
  layout_begin l
  one_file a 1 | add_layer
  DIFF_IDS='[]'
  layout_end
  run --separate-stderr rocker_image import l x
  assert_failure 1
  assert_one_error_line '/rootfs/diff_ids'
}

@test 'the image for this machine is chosen, or the one that --platform names' {
  layout_begin l
  one_file arm 1 | add_layer
  add_image '' arm64
  one_file intel 1 | add_layer
  add_image '' amd64
  one_file power 1 | add_layer
  layout_end '' ppc64le
  local mine
  mine=$(uname -m)
  if [[ $mine = x86_64 ]]; then
    rocker_image import l x
    assert_equal "$(ls "$(rocker_image path x)")" intel
  fi
  run rocker_image import --platform linux/arm64 l x
  assert_success
  assert_equal "$(ls "$(rocker_image path x)")" arm
  assert_json '.[0].architecture' '"arm64"' <(rocker_image inspect x)
  # By the kernel's name, too, as run takes it.
  local name
  for name in linux/aarch64 aarch64 LINUX/ARM64/v8; do
    rocker_image rm x
    rocker_image import --platform "$name" l x
    assert_equal "$(ls "$(rocker_image path x)")" arm
  done
  run --separate-stderr rocker_image import --platform linux/s390x l x
  assert_failure 1
  assert_one_error_line 'linux/amd64, linux/arm64, linux/ppc64le'
}

@test 'an index in an index' {
  layout_begin l
  one_file deep 1 | add_layer
  add_image
  jq -n --argjson m "$MANIFESTS" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: $m}' >nested
  digest=$(add_blob nested)
  jq -n --arg d "sha256:$digest" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.index.v1+json",
    digest: $d, size: 1}]}' >l/index.json
  run rocker_image import l x
  assert_success
  assert_equal "$(ls "$(rocker_image path x)")" deep
}

@test 'of several images one is chosen by name, or all are taken' {
  layout_begin l
  one_file first 1 | add_layer
  add_image one:1
  one_file second 1 | add_layer
  layout_end two:2
  run --separate-stderr rocker_image import l
  assert_failure 1
  assert_one_error_line 'one:1, two:2'
  rocker_image import --select two:2 l mine
  assert_equal "$(ls "$(rocker_image path mine)")" second
  rocker_image import l one:1
  assert_equal "$(ls "$(rocker_image path one:1)")" first
  run rocker_image import --all l
  assert_success
  assert_line --partial 'Imported one:1'
  assert_line --partial 'Imported two:2'
}

@test '--as decides' {
  layout_begin l
  one_file a 1 | add_layer
  layout_end
  tar -cf l.tar -C l blobs index.json oci-layout
  rocker_image import --as rootfs l.tar x
  assert [ -e "$(rocker_image path x)/oci-layout" ]
  run --separate-stderr rocker_image import --as docker l.tar x
  assert_failure 1
  assert_one_error_line 'manifest.json is missing'
}

@test 'layers that are links in the archive' {
  layout_begin l
  two_layers
  layout_end
  docker_archive d.tar a:1
  layer=$(jq -r '.[0].Layers[1]' docker/manifest.json)
  mkdir docker/real
  mv "docker/$layer" docker/real/layer.tar
  ln -s ../real/layer.tar "docker/$layer"
  (cd docker && tar -cf ../linked.tar ./*/ "$CONFIG.json" manifest.json)
  run rocker_image import linked.tar x
  assert_success
  assert_two_layers x
  run bash -c 'cat linked.tar | "$0" import - y' "$ROCKER_IMAGE"
  assert_success
  assert_two_layers y
  ln -sf "$(basename "$layer")" "docker/$layer"
  (cd docker && tar -cf ../circle.tar ./*/ "$CONFIG.json" manifest.json)
  run --separate-stderr rocker_image import circle.tar x
  assert_failure 1
  assert_one_error_line 'circle'
}

@test 'a root file system with a manifest.json of its own stays one' {
  mkdir -p tree/bin
  echo '{"name": "an app"}' >tree/manifest.json
  tar -cf t.tar -C tree manifest.json bin
  run rocker_image import t.tar x
  assert_success
  assert [ -e "$(rocker_image path x)/manifest.json" ]
}

@test 'what umoci and skopeo write is read' {
  needs command umoci
  needs command skopeo
  mkdir -p tree/etc tree/usr/lib
  echo 1 >tree/etc/f
  umoci init --layout lay
  umoci new --image lay:one
  umoci insert --image lay:one tree /
  umoci insert --image lay:one --whiteout /etc/f
  umoci config --image lay:one --config.cmd /bin/true
  skopeo copy -q oci:lay:one docker-archive:d.tar:a/b:9
  skopeo copy -q oci:lay:one oci-archive:o.tar:c:8
  for input in d.tar o.tar lay; do
    run rocker_image import "$input" x
    assert_success
    assert_equal "$(cd "$(rocker_image path x)" && find . | sort | xargs)" '. ./etc ./usr ./usr/lib'
    assert_json '.[0].config.Cmd' '["/bin/true"]' <(rocker_image inspect x)
  done
}
