#!/usr/bin/env bats
# import of layouts that are two things at once, deep, or repeat themselves: what docker 25 and newer write, indexes in
# indexes, one blob for several layers, links for layers.
load helpers
load tar
load layout
# add_layer stands at the end of pipes, and remembers.
shopt -s lastpipe

# The layout as `docker save` writes it since version 25: with a manifest.json beside the index.
make_hybrid() { # NAME
  jq -n --slurpfile m manifest --arg c "blobs/sha256/$CONFIG" --arg n "$1" '[{Config: $c, RepoTags: [$n], Layers:
    [$m[0].layers[].digest | sub("sha256:"; "blobs/sha256/")]}]' >"$LAYOUT/manifest.json"
  jq --arg n "docker.io/library/$1" '.manifests[0].annotations = {"io.containerd.image.name": $n,
    "org.opencontainers.image.ref.name": ($n | sub(".*:"; ""))}' "$LAYOUT/index.json" >index
  mv index "$LAYOUT/index.json"
}

@test 'a hybrid of both: from a file, a pipe and a folder, by its own name, as either' {
  layout_begin l
  two_layers
  layout_end
  make_hybrid thing:1.0
  # In docker's order: the index behind the blobs, the manifest last.
  tar -cf hybrid.tar -C l blobs index.json manifest.json oci-layout
  run rocker_image import hybrid.tar
  assert_success
  assert_output --partial 'Imported thing:1.0 '
  assert_two_layers thing:1.0
  assert_json '.[0].source.format' '"oci"' <(rocker_image inspect thing:1.0)
  rocker_image rm thing:1.0
  # shellcheck disable=SC2016
  run bash -c 'cat hybrid.tar | "$0" import -' "$ROCKER_IMAGE"
  assert_success
  assert_two_layers thing:1.0
  run rocker_image import l
  assert_success
  for input in hybrid.tar l; do
    run rocker_image import --as docker "$input" x
    assert_success
    assert_two_layers x
    assert_json '.[0].source.format' '"docker"' <(rocker_image inspect x)
  done
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}

@test 'a hybrid of several images and tags' {
  layout_begin l
  one_file first 1 | add_layer
  add_image docker.io/library/one:1
  one_file second 2 | add_layer
  layout_end docker.io/library/two:2
  # A second tag of the last.
  jq '.manifests += [.manifests[1] | .annotations["org.opencontainers.image.ref.name"] = "docker.io/team/two:3"]' l/index.json >i
  mv i l/index.json
  tar -cf l.tar -C l blobs index.json oci-layout
  run --separate-stderr rocker_image import l.tar
  assert_failure 1
  assert_one_error_line 'has 2 images: one:1, two:2 = team/two:3'
  rocker_image import --select team/two:3 l.tar
  assert_equal "$(ls "$(rocker_image path team/two:3)")" second
}

@test 'tags alone: several are several images, to be chosen from or named' {
  local mine input
  mine=$(case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac)
  layout_begin l
  one_file first 1 | add_layer
  add_image v1 "$mine"
  one_file second 2 | add_layer
  add_image v2 "$mine"
  # The same for another platform.
  one_file other 2 | add_layer
  layout_end v2 s390x
  tar -cf l.tar -C l blobs index.json oci-layout
  for input in l l.tar; do
    run --separate-stderr rocker_image import "$input" app
    assert_failure 1
    assert_one_error_line 'has 2 images: v1, v2 - choose one with --select, or take --all'
    assert [ ! -e "$ROCKER_ROOT/images/app" ]
    rocker_image import --select v2 "$input" app
    assert_equal "$(ls "$(rocker_image path app)")" second
    rocker_image import "$input" app:v1
    assert_equal "$(ls "$(rocker_image path app:v1)")" first
    rocker_image import --select v2 --platform linux/s390x "$input" app
    assert_equal "$(ls "$(rocker_image path app)")" other
    rocker_image rm app app:v1
    rocker_image import --all "$input" app
    assert_equal "$(ls "$(rocker_image path app:v1)" "$(rocker_image path app:v2)" | grep -v : | xargs)" 'first second'
    rocker_image rm app:v1 app:v2
  done
  run --separate-stderr rocker_image import --all l
  assert_failure 1
  assert_one_error_line 'has no name for its image, only the tag v1 - give a NAME without a tag'
  run --separate-stderr rocker_image import --select v3 l app
  assert_failure 1
  assert_one_error_line 'has no image "v3", only v1, v2'
  run --separate-stderr rocker_image import --all l app:x
  assert_failure 1
  assert_one_error_line "has 2 images, which can't all be app:x"
}

@test 'two images of an index without names are two, known by their digests' {
  layout_begin l
  one_file first 1 | add_layer
  add_image
  one_file second 2 | add_layer
  layout_end
  run --separate-stderr rocker_image import l x
  assert_failure 1
  assert_one_error_line 'has 2 images: sha256:'
  rocker_image import --select "$(jq -r '.manifests[1].digest' l/index.json)" l x
  assert_equal "$(ls "$(rocker_image path x)")" second
}

@test '--all makes every name of every image, or none of them' {
  layout_begin l
  one_file first 1 | add_layer
  add_image one:1
  one_file second 2 | add_layer
  layout_end two:2
  jq '.manifests += [.manifests[1] | .annotations["org.opencontainers.image.ref.name"] = "team/two:3"]' l/index.json >i
  mv i l/index.json
  run rocker_image import --all l
  assert_success
  assert_line --partial 'Imported one:1 '
  assert_line --partial 'Imported two:2 '
  assert_line --partial 'Imported team/two:3 '
  # Both names share their files.
  assert_equal "$(stat -c %h "$(rocker_image path team/two:3)/second")" 2
  rocker_image verify team/two:3
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  # A name in the way of the second: what is there is said.
  rocker_image rm one:1 two:2 team/two:3
  touch "$ROCKER_ROOT/images/two"
  run --separate-stderr rocker_image import --all l
  assert_failure 1
  assert_one_error_line 'of this archive there are already one:1'
  rm "$ROCKER_ROOT/images/two"
  rocker_image rm one:1
  # Damage in the last image.
  truncate -s -1 "l/blobs/sha256/$(jq -r '.layers[0].digest' manifest | cut -d: -f2)"
  run --separate-stderr rocker_image import --all l
  assert_failure 1
  assert_one_error_line "$(jq -r '.layers[0].digest' manifest | cut -d: -f2)"
  assert_equal "$(ls -A "$ROCKER_ROOT/images")" ''
}

@test 'of an image with several names one is made, and the others are said' {
  layout_begin l
  one_file first 1 | add_layer
  layout_end
  docker_archive d.tar app:1
  jq '.[0].RepoTags += ["app:2"]' docker/manifest.json >m
  mv m docker/manifest.json
  run --separate-stderr rocker_image import docker
  assert_success
  assert_output --partial 'Imported app:1 '
  [[ $stderr = *'docker: it is app:1 = app:2; --all makes each of these' ]]
  run rocker_image import --all docker
  assert_output --partial 'Imported app:2 '
}

@test 'one blob for several layers, in an OCI layout and in an archive of docker' {
  layout_begin l
  # What the second layer takes away the third, which is the first again, brings back.
  { tar_entry name=a/ type=5 mode=755; tar_entry name=a/f content=1; tar_end; } >same
  add_layer gzip <same
  { tar_entry name=a/.wh.f; tar_entry name=a/g content=2; tar_end; } | add_layer
  add_layer gzip <same
  layout_end
  tar -cf l.tar -C l .
  tar -cf bare.tar -C l blobs index.json oci-layout
  for input in l l.tar bare.tar; do
    run rocker_image import "$input" x
    assert_success
    assert_equal "$(cd "$(rocker_image path x)" && find . -type f | sort | xargs)" './a/f ./a/g'
    assert_json '.[0].source.diff_ids | length, (unique | length)' $'3\n2' <(rocker_image inspect x)
  done
  docker_archive d.tar a:1
  run rocker_image import d.tar x
  assert_success
  assert_equal "$(cd "$(rocker_image path x)" && find . -type f | sort | xargs)" './a/f ./a/g'
}

@test 'nothing but empty layers, and no layer at all' {
  layout_begin l
  tar_end | add_layer gzip
  tar_end | add_layer gzip
  layout_end
  run rocker_image import l x
  assert_success
  assert_equal "$(ls -A "$(rocker_image path x)")" ''
  layout_begin l
  layout_end
  run rocker_image import l x
  assert_success
  assert_equal "$(ls -A "$(rocker_image path x)")" ''
  assert_json '.[0].config.Cmd' '["/bin/sh"]' <(rocker_image inspect x)
}

nest() { # turns the layout's index into a blob that a new index names
  local digest
  digest=$(add_blob "$LAYOUT/index.json")
  jq -n --arg d "sha256:$digest" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.index.v1+json",
    digest: $d, size: 1}]}' >"$LAYOUT/index.json"
}

@test 'indexes in indexes: the platform is chosen at the bottom, attestations are no images' {
  layout_begin l
  one_file other 1 | add_layer
  add_image '' s390x
  one_file mine 1 | add_layer
  layout_end '' "$(case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac)"
  # What buildkit puts beside each image.
  jq '.manifests += [{mediaType: "application/vnd.oci.image.manifest.v1+json", size: 1, digest: ("sha256:" + "0" * 64),
    platform: {os: "unknown", architecture: "unknown"}}]' l/index.json >i
  mv i l/index.json
  nest
  nest
  tar -cf l.tar -C l blobs index.json oci-layout
  tar -cf dot.tar -C l .
  for input in l l.tar dot.tar; do
    run rocker_image import "$input" x
    assert_success
    assert_equal "$(ls "$(rocker_image path x)")" mine
  done
  run rocker_image import --platform linux/s390x l.tar x
  assert_success
  assert_equal "$(ls "$(rocker_image path x)")" other
  for _ in {1..8}; do nest; done
  run --separate-stderr rocker_image import l x
  assert_failure 1
  assert_one_error_line 'nested deeper than'
}

@test 'a graph of indexes with more ways through it than can be walked, and one that names too much' {
  local input part
  layout_begin l
  one_file f 1 | add_layer
  layout_end
  cp l/index.json one
  # Seven levels of thirty ways: 30^7 paths to one image.
  for _ in {1..7}; do
    nest
    jq '.manifests[0] as $m | .manifests = [range(30) | $m]' l/index.json >i
    mv i l/index.json
  done
  tar -cf l.tar -C l blobs index.json oci-layout
  for input in l l.tar; do
    run --separate-stderr timeout -s KILL 60 "$ROCKER_IMAGE" import "$input" x
    assert_success
    assert_equal "$(ls "$(rocker_image path x)")" f
    rocker_image rm x
  done
  # Names that all lead to many: 400 times 300.
  jq '.manifests[0] as $m | .manifests = [range(300) | $m]' one >l/index.json
  nest
  jq '.manifests[0] as $m | .manifests = [range(400) | $m + {annotations: {"org.opencontainers.image.ref.name": "v\(.)"}}]' \
    l/index.json >i
  mv i l/index.json
  run --separate-stderr timeout -s KILL 60 "$ROCKER_IMAGE" import --select v1 l x
  assert_failure 1
  assert_one_error_line 'names more than 100000 images'
  # One configuration for many images, of which each would have it.
  docker_archive d.tar app:1
  jq -c '.[0] as $m | [range(40000) | $m]' docker/manifest.json >m
  mv m docker/manifest.json
  jq '.config.Labels.k = "v" * 10000000' config >"docker/config.json"
  jq '[.[:9][] | .Config = "config.json"]' docker/manifest.json >few
  for part in 'names more than 100000 images' 'more than 64 MiB together'; do
    run --separate-stderr timeout -s KILL 60 "$ROCKER_IMAGE" import --all docker
    assert_failure 1
    assert_one_error_line "$part"
    cp few docker/manifest.json
  done
  assert_equal "$(ls -A "$ROCKER_ROOT/images" "$ROCKER_ROOT/tmp" | grep -v :)" ''
}

@test 'layers that are hard links in the archive, also of a compressed one and from a pipe' {
  layout_begin l
  two_layers
  layout_end
  docker_archive d.tar a:1
  layer=$(jq -r '.[0].Layers[1]' docker/manifest.json)
  mkdir docker/0
  ln "docker/$layer" docker/0/layer.tar
  # tar writes the content with the first of both names.
  (cd docker && tar -cf ../linked.tar 0 ./*/ "$CONFIG.json" manifest.json)
  tar -tvf linked.tar | grep -q 'link to'
  gzip -k linked.tar
  for input in linked.tar linked.tar.gz; do
    run rocker_image import "$input" x
    assert_success
    assert_two_layers x
  done
  run bash -c 'cat linked.tar | "$0" import - x' "$ROCKER_IMAGE"
  assert_success
  assert_two_layers x
}

@test 'a plain layout with sparse members, or with a name that was given to tar twice' {
  layout_begin l
  head -c 300000 /dev/zero >zeros
  { tar_entry name=zeros file=zeros; tar_end; } | add_layer
  layout_end a:1
  docker_archive d.tar a:1
  local format file
  for file in l/blobs/sha256/* docker/*/layer.tar; do fallocate -d "$file"; done
  for format in --format=gnu --format=pax; do
    tar -S $format --hole-detection=raw -cf l.tar -C l blobs index.json oci-layout
    (cd docker && tar -S $format --hole-detection=raw -cf ../d.tar ./*/ "$CONFIG.json" manifest.json)
    assert [ "$(stat -c %s l.tar)" -lt 200000 ]
    for input in l.tar d.tar; do
      run rocker_image import "$input" x
      assert_success
      cmp zeros "$(rocker_image path x)/zeros"
      assert_json '.[0].source.digest' "\"sha256:$(sha256sum "$input" | cut -d' ' -f1)\"" <(rocker_image inspect x)
    done
  done
  tar -cf twice.tar -C l blobs blobs index.json oci-layout index.json
  tar -tvf twice.tar | grep -q 'index.json link to index.json'
  run rocker_image import twice.tar x
  assert_success
  cmp zeros "$(rocker_image path x)/zeros"
}

@test 'layers that are links out of the archive are not there' {
  layout_begin l
  two_layers
  layout_end
  docker_archive d.tar a:1
  layer=$(jq -r '.[0].Layers[1]' docker/manifest.json)
  mv "docker/$layer" outside.tar
  local target
  for target in "$TEST_DIR/outside.tar" ../../../../outside.tar; do
    ln -sfn "$target" "docker/$layer"
    (cd docker && tar -cf ../out.tar ./*/ "$CONFIG.json" manifest.json)
    gzip -kf out.tar
    for input in out.tar out.tar.gz docker; do
      run --separate-stderr rocker_image import "$input" x
      assert_failure 1
      assert_one_error_line 'Import failed'
      assert [ ! -e "$ROCKER_ROOT/images/x" ]
    done
  done
}

@test 'a manifest last in a pipe: the layers are spooled to the store, and the spool is gone' {
  layout_begin l
  head -c 3M /dev/urandom >random
  { tar_entry name=random file=random; tar_end; } | add_layer
  layout_end
  docker_archive d.tar a:1
  # shellcheck disable=SC2016
  run bash -c 'cat d.tar | "$0" import - x' "$ROCKER_IMAGE"
  assert_success
  cmp random "$(rocker_image path x)/random"
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
  # Cut in the middle of the layer.
  run --separate-stderr bash -c 'head -c 2000000 d.tar | "$0" import - y' "$ROCKER_IMAGE"
  assert_failure 1
  assert_one_error_line 'standard input'
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}

@test '--exclude and --strip-components are for the layers, also of a layout from a pipe or a compressed one' {
  local input
  layout_begin l
  { tar_entry name=top/ type=5 mode=755; tar_entry name=top/a.json content=1; tar_entry name=top/b content=2
    tar_end; } | add_layer
  layout_end team/app:1
  docker_archive d.tar team/app:1
  tar -cf l.tar -C l blobs index.json oci-layout
  tar -cf dot.tar -C l .
  gzip -k l.tar
  for input in l l.tar dot.tar l.tar.gz d.tar; do
    run rocker_image import --exclude '*.json' --strip-components 1 "$input" x
    assert_success
    assert_equal "$(ls "$(rocker_image path x)")" b
    [[ -f $input ]] || continue
    # shellcheck disable=SC2016
    run bash -c 'cat "$1" | "$0" import --exclude "*.json" --strip-components 1 - x' "$ROCKER_IMAGE" "$input"
    assert_success
    assert_equal "$(ls "$(rocker_image path x)")" b
  done
  # A root file system that begins like a layout is none.
  { tar_entry name=blobs/ type=5 mode=700 mtime=14000000000; tar_entry name=blobs/a.json content=1
    tar_entry name=blobs/b type=5 mode=711 mtime=14000000000; tar_entry name=blobs/b/c content=2 mode=640
    tar_end; } >t.tar
  # shellcheck disable=SC2016
  run bash -c 'cat t.tar | "$0" import --exclude "*.json" --strip-components 1 - x' "$ROCKER_IMAGE"
  assert_success
  root=$(rocker_image path x)
  assert_equal "$(cd "$root" && find . | sort | xargs)" '. ./b ./b/c'
  assert_equal "$(stat -c '%a %Y' "$root/b" "$root/b/c" | xargs)" "711 $((8#14000000000)) 640 $((8#14000000000))"
  assert_json '.[0].source.format' '"tar"' <(rocker_image inspect x)
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}
