# layout.bash - docker archives and OCI layouts, made blob by blob, so that each of their parts can be wrong. `load layout`
# behind `load helpers` and `load tar`, and `shopt -s lastpipe`: add_layer stands at the end of pipes, and remembers.
#
#   layout_begin DIR;  add_layer < tar;  ...;  layout_end [NAME [ARCHITECTURE]]
# shellcheck shell=bash

layout_begin() { # DIR
  LAYOUT=$1
  rm -rf "$LAYOUT"
  mkdir -p "$LAYOUT/blobs/sha256"
  LAYERS='[]'
  DIFF_IDS='[]'
  MANIFESTS='[]'
  echo '{"imageLayoutVersion": "1.0.0"}' >"$LAYOUT/oci-layout"
}

add_blob() { # FILE: prints its digest
  local digest
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  cp "$1" "$LAYOUT/blobs/sha256/$digest"
  echo "$digest"
}

add_layer() { # [COMPRESSOR]: from stdin
  local digest
  cat >layer
  DIFF_IDS=$(jq -c --arg d "sha256:$(sha256sum layer | cut -d' ' -f1)" '. + [$d]' <<<"$DIFF_IDS")
  "${1:-cat}" <layer >blob
  digest=$(add_blob blob)
  LAYERS=$(jq -c --arg d "sha256:$digest" --argjson s "$(stat -c %s blob)" \
    '. + [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $d, size: $s}]' <<<"$LAYERS")
}

add_image() { # [NAME [ARCHITECTURE]]
  local arch=${2:-amd64} config manifest
  jq -n --argjson d "$DIFF_IDS" --arg a "$arch" '{architecture: $a, os: "linux", rootfs: {type: "layers", diff_ids: $d},
    config: {Cmd: ["/bin/sh"], Env: ["A=1"], Entrypoint: ["/init"], WorkingDir: "/w", User: "7", StopSignal: "SIGQUIT",
    Labels: {k: "v"}, Volumes: {"/data": {}}, ExposedPorts: {"80/tcp": {}}}, history: [{created_by: "test"}]}' >config
  config=$(add_blob config)
  CONFIG=$config
  jq -n --argjson l "$LAYERS" --arg c "sha256:$config" '{schemaVersion: 2, config: {mediaType:
    "application/vnd.oci.image.config.v1+json", digest: $c, size: 1}, layers: $l}' >manifest
  manifest=$(add_blob manifest)
  MANIFESTS=$(jq -c --arg d "sha256:$manifest" --arg n "${1:-}" --arg a "$arch" '. + [{mediaType:
    "application/vnd.oci.image.manifest.v1+json", digest: $d, size: 1, platform: {os: "linux", architecture: $a}} +
    (if $n == "" then {} else {annotations: {"org.opencontainers.image.ref.name": $n}} end)]' <<<"$MANIFESTS")
  LAYERS='[]'
  DIFF_IDS='[]'
}

layout_end() { # [NAME [ARCHITECTURE]]
  add_image "$@"
  jq -n --argjson m "$MANIFESTS" '{schemaVersion: 2, manifests: $m}' >"$LAYOUT/index.json"
}

# The layout that was made last as an archive of `docker save`'s, in the order that docker has: the manifest last.
docker_archive() { # TAR NAME
  rm -rf docker
  mkdir docker
  local layers=[] digest
  for digest in $(jq -r '.layers[].digest' manifest); do
    digest=${digest#sha256:}
    mkdir -p "docker/$digest"
    cp "$LAYOUT/blobs/sha256/$digest" "docker/$digest/layer.tar"
    layers=$(jq -c --arg l "$digest/layer.tar" '. + [$l]' <<<"$layers")
  done
  cp config "docker/$CONFIG.json"
  jq -n --arg c "$CONFIG.json" --arg n "$2" --argjson l "$layers" '[{Config: $c, RepoTags: [$n], Layers: $l}]' \
    >docker/manifest.json
  (cd docker && tar -cf "../$1" ./*/ "$CONFIG.json" manifest.json)
}

one_file() { tar_entry name="$1" content="$2"; tar_end; }

two_layers() {
  { tar_entry name=etc/ type=5 mode=755; tar_entry name=etc/keep content=old; tar_entry name=etc/gone content=old; tar_end; } | add_layer
  { tar_entry name=etc/.wh.gone; tar_entry name=etc/new content=new; tar_end; } | add_layer "${1:-cat}"
}

assert_two_layers() { # IMAGE
  local root
  root=$(rocker_image path "$1")
  assert_equal "$(cd "$root" && find . | sort | xargs)" '. ./etc ./etc/keep ./etc/new'
}
