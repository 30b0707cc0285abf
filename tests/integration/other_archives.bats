#!/usr/bin/env bats
# import of archives of images of a kind that is not read: they are known for what they are, and no root file system is
# taken for one of them.
load helpers
load tar
load layout
# add_layer stands at the end of pipes, and remembers.
shopt -s lastpipe

# The folder d: as an archive, compressed, from a pipe, and as it is; nothing of it is imported unless it is asked for.
known_as() { # PART
  local input
  tar -cf d.tar -C d .
  gzip -kf d.tar
  for input in d.tar d.tar.gz d; do refused "$input" "$1"; done
  # shellcheck disable=SC2016
  run --separate-stderr bash -c 'cat d.tar | "$0" import - x' "$ROCKER_IMAGE"
  assert_failure 1
  assert_one_error_line "$1"
  import_ok d.tar --as rootfs
  diff -r d "$root"
  rocker_image rm x
}

@test 'an archive of docker 1.9: its layers are no root file system' {
  local id
  id=$(printf '%064d' 1)
  mkdir -p "d/$id"
  echo 1.0 >"d/$id/VERSION"
  echo '{}' >"d/$id/json"
  one_file a 1 >"d/$id/layer.tar"
  known_as 'is an archive of docker 1.9 or older, which has no manifest.json - load it into a docker from 1.10 on'
  echo "{\"old\":{\"latest\":\"$id\"}}" >d/repositories
  known_as 'is an archive of docker 1.9 or older, which has no manifest.json - load it into a docker from 1.10 on'
}

@test 'an OCI layout without its file oci-layout, which --as oci takes' {
  layout_begin d
  two_layers
  layout_end
  rm d/oci-layout
  known_as 'is an OCI layout without its file oci-layout - --as oci takes it for one'
  run rocker_image import --as oci d.tar x
  assert_success
  assert_two_layers x
}

@test "a directory of skopeo's" {
  layout_begin l
  two_layers
  layout_end
  mkdir d
  cp l/blobs/sha256/* d
  cp manifest d/manifest.json
  echo 'Directory Transport Version: 1.1' >d/version
  known_as "is a directory of skopeo's dir: transport - 'skopeo copy dir:DIRECTORY oci:OTHER'"
}

@test 'a layout one directory down' {
  layout_begin l
  two_layers
  layout_end
  docker_archive docker.tar thing
  mkdir d
  mv docker d/saved
  tar -cf d.tar -C d saved
  refused d.tar 'is nothing but the directory "saved", which is a docker archive - make the archive of what is in it'
  refused d 'is nothing but the directory "saved", which is a docker archive - import that directory'
  rm -r d/saved
  mv l d/lay
  tar -cf d.tar -C d lay
  refused d.tar 'is nothing but the directory "lay", which is an OCI layout - make the archive of what is in it'
  rm d/lay/oci-layout
  refused d 'is nothing but the directory "lay", which is an OCI layout without its file oci-layout'
  import_ok d --as rootfs
  assert_exist "$root/lay/index.json"
}

@test 'a root file system may have files of their names' {
  mkdir -p d/etc d/usr d/bin d/blobs/sha256 "d/$(printf '%064d' 1)"
  echo '{"manifests": []}' >d/index.json
  echo '{"layers": []}' >d/manifest.json
  echo 'Directory Transport Version: 1.1' >d/version
  tar -cf d.tar -C d .
  import_ok d.tar
  import_ok d
  # Of any shape, when there is nothing of images in them.
  rm -r d/etc d/usr
  echo '[]' >d/index.json
  echo 1.2 >d/version
  echo '{' >d/manifest.json
  tar -cf d.tar -C d .
  import_ok d.tar
  import_ok d
  mkdir e
  mv d e
  import_ok e
}
