# shellcheck shell=sh
# Verbs around images that docker words in another way than rocker-image does. Sourced by rocker.
# shellcheck disable=SC2154

# export and diff are asked of containers by docker, and of images as well by rocker.
rocker_either() { # VERB ARGUMENT...
  verb=$1
  shift
  before=''
  for word; do
    case $before,$word in
      -o,* | --output,*) ;; # a file, which may be called as a container is
      *,-*) ;;
      *)
        # A container of that name is meant first, as docker has it.
        for type in container image; do
          ! ask inspect --type $type --format '{{.Id}}' "$word" >/dev/null 2>&1 || break 2
          type=''
        done
        [ -n "$type" ] || fail 1 "No such container or image: $word - see 'rocker ps -a' and 'rocker images'"
        ;;
    esac
    before=$word
  done
  [ "${type-}" != image ] || verb="image $verb"
  exec "$image" --root "$root" container "$verb" "$@"
}

# What docker has and rocker does not: said by name, with what to use instead.
rocker_lacks() { # VERB
  case $1 in
    pull) hint='rocker has no registry: skopeo copy docker://IMAGE docker-archive:FILE, then rocker load -i FILE' ;;
    push) hint='rocker has no registry: rocker save IMAGE -o FILE, then skopeo copy oci-archive:FILE docker://IMAGE' ;;
    login | logout | search | trust | manifest) hint='rocker has no registry: use skopeo' ;;
    build | builder | buildx) hint='build with buildah or mkosi and import the tar, or rocker run and rocker commit' ;;
    network) hint='a network is none, host, container:NAME or ns:PATH: rocker run --network' ;;
    checkpoint) hint='rocker-runc checkpoint' ;;
    compose) hint='start the containers from a script or from systemd units' ;;
    *) hint='for more than one machine put rocker-runc under Docker, containerd or podman as their runtime' ;;
  esac
  fail 1 "rocker has no $1 - $hint"
}
