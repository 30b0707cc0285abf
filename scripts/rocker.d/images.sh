# shellcheck shell=sh
# Verbs around images that docker words in another way than rocker-image does. Sourced by rocker.
# shellcheck disable=SC2154

# docker's load takes the archive on stdin or as -i FILE, and its names from the archive.
rocker_load() {
  input=-
  while [ $# -gt 0 ]; do
    case $1 in
      -i | --input)
        [ $# -ge 2 ] || fail 1 "load: $1 needs a value"
        input=$2
        shift
        ;;
      --input=*) input=${1#--input=} ;;
      -q | --quiet) ;;
      --help)
        printf 'Usage: rocker load [-i FILE]\n\nImports every image of an archive that docker save or rocker save wrote.\n'
        exit
        ;;
      *) fail 1 "load: unknown argument \"$1\" - rocker load -i FILE" ;;
    esac
    shift
  done
  exec "$image" import --all "$input"
}

# export and diff are asked of containers by docker, and of images as well by rocker.
rocker_either() { # VERB ARGUMENT...
  verb=$1
  shift
  named='' before=''
  for word; do
    case $before,$word in
      -o,* | --output,*) ;; # a file, which may be called as a container is
      *,-*) ;;
      # A container of that name is meant first, as docker has it.
      *) named=yes
        ! ask inspect --type container --format '{{.Id}}' "$word" >/dev/null 2>&1 ||
          exec "$image" --root "$root" container "$verb" "$@" ;;
    esac
    before=$word
  done
  if [ -z "$named" ] || { [ "$verb" = diff ] && [ $# -lt 2 ]; }; then
    exec "$image" --root "$root" container "$verb" "$@"
  fi
  exec "$image" "$verb" "$@"
}

rocker_version() {
  case ${1-} in
    -f | --format) set -- "${2-}" ;;
    --format=*) set -- "${1#--format=}" ;;
    '')
      printf 'rocker version %s\n' "$version"
      "$image" --version
      "$runtime" --version
      conmon --version 2>/dev/null | head -n 1
      exit
      ;;
    *) fail 1 "version: unknown argument \"$1\"" ;;
  esac
  case $1 in
    *Version*) "$image" --version | { read -r _ number && echo "$number"; } ;;
    *) fail 1 "version: --format: there is {{.Client.Version}} and {{.Server.Version}}, found \"$1\"" ;;
  esac
}

# What docker has and rocker does not: said by name, with what to use instead.
rocker_lacks() { # VERB
  case $1 in
    pull) hint='rocker has no registry: skopeo copy docker://IMAGE docker-archive:FILE, then rocker load -i FILE' ;;
    push) hint='rocker has no registry: rocker save IMAGE -o FILE, then skopeo copy oci-archive:FILE docker://IMAGE' ;;
    login | logout | search | trust | manifest) hint='rocker has no registry: use skopeo' ;;
    build | buildx) hint='build with buildah or mkosi and import the tar, or rocker run and rocker commit' ;;
    network) hint='a network is none, host, container:NAME or ns:PATH: rocker run --network' ;;
    checkpoint) hint='rocker-runc checkpoint' ;;
    compose) hint='start the containers from a script or from systemd units' ;;
    *) hint='for more than one machine put rocker-runc under Docker, containerd or podman as their runtime' ;;
  esac
  fail 1 "rocker has no $1 - $hint"
}
