#!/usr/bin/env bats
# What a docker user types, a line each with the stdout, stderr and exit code that they expect: lines/*.txt. Under
# podman, where it is installed, the same lines are run too, and what differs has to stand in differences.txt.
#
#   $ COMMAND          docker is rocker (or podman); the lines of a file share a store and a folder
#   text               what stdout has, line by line; a line that ends in " (re)" is a regular expression
#   2> text            a part of stderr
#   [N] or [N|M]       the exit code, when it is not 0
# long: each line is run under podman too

load ../integration/helpers

setup() {
  setup_containers
  head -c 1000000 /dev/zero >data
  echo 'echo from a script' >script
  mkdir -p results
}

docker() { "$ROCKER" "$@"; }

# Runs the lines of a file. Every one that is not as expected is told of; what came is kept in results/NAME.N.
run_lines() { # NAME WITH
  local file=$BATS_TEST_DIRNAME/lines/$1.txt with=$2 number=0 line command='' failed=0
  local -a out=()
  local err='' code=0
  check() {
    [[ -n $command ]] || return 0
    number=$((number + 1))
    local status=0
    (set +e; eval "$command") >results/out 2>results/err </dev/null 3>&- || status=$?
    printf '%s\n[%s]\n' "$(normalised <results/out)" "$status" >"results/$1.$number.$with"
    printf '%s\n' "$command" >"results/$1.$number.command"
    [[ $with = rocker ]] || return 0
    local problem='' actual expected
    [[ $status =~ ^($code)$ ]] || problem="exit code $status, expected $code"
    actual=$(tr -d '\0' <results/out)
    expected=$(printf '%s\n' "${out[@]}")
    matches "$actual" || problem+="${problem:+; }stdout is not as expected"
    [[ -z $err || $(<results/err) == *"$err"* ]] || problem+="${problem:+; }stderr lacks \"$err\""
    [[ -z $problem ]] && return 0
    failed=$((failed + 1))
    printf '%s line %s: %s\n$ %s\n--- stdout\n%s\n--- expected\n%s\n--- stderr\n%s\n\n' "$1" "$number" "$problem" "$command" "$actual" \
      "$expected" "$(<results/err)"
  }
  matches() { # ACTUAL
    local text=$1 pattern='' part
    if [[ "${out[*]}" != *' (re)'* ]]; then
      [[ $text = "$(printf '%s\n' "${out[@]}")" ]]
      return
    fi
    for part in "${out[@]}"; do
      if [[ $part == *' (re)' ]]; then
        pattern+="${part% (re)}"
      else
        # shellcheck disable=SC2001
        pattern+=$(sed 's/[][\.*^$+?(){}|]/\\&/g' <<<"$part")
      fi
      pattern+=$'\n'
    done
    [[ $text =~ ^${pattern%$'\n'}$ ]]
  }
  while IFS= read -r line || [[ -n $line ]]; do
    case $line in
      '$ '*)
        check "$1"
        command=${line#'$ '} out=() err='' code=0
        ;;
      '2> '*) err=${line#'2> '} ;;
      '['[0-9]*']') code=${line#[} code=${code%]} ;;
      *) out+=("$line") ;;
    esac
  done <"$file"
  check "$1"
  echo "# $1: $number lines under $with, $failed not as expected" >&3
  [[ $failed = 0 ]]
}

# Without what is another in every run: IDs, times, names of the host.
normalised() {
  sed -E 's/[0-9a-f]{64}/<ID>/g; s/[0-9a-f]{32}/<SUM>/g; s/\b[0-9a-f]{12}\b/<SHORT-ID>/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+[^ ]*/<TIME>/g; s/\r//g'
}

# podman in a store of its own, without network, as ENGINES of the README have it.
use_podman() {
  command -v podman >/dev/null || return 1
  printf '[containers]\ndefault_ulimits=["nofile=20000:20000","nproc=8192:8192"]\ninit_path="/usr/bin/catatonit"\nnetns="none"\nlog_driver="k8s-file"\n[engine]\ncgroup_manager="cgroupfs"\nevents_logger="file"\nruntime="runc"\n' >containers.conf
  export CONTAINERS_CONF=$TEST_DIR/containers.conf
  docker() { command podman --root "$TEST_DIR/podman" --runroot "$TEST_DIR/podman-run" --tmpdir "$TEST_DIR/podman-tmp" "$@"; }
  docker import "$(busybox_tar)" busybox:latest >/dev/null 2>&1
}

compare() { # NAME
  local result command number differences=0
  for result in results/"$1".*.rocker; do
    number=${result#results/"$1".}
    number=${number%.rocker}
    cmp -s "$result" "results/$1.$number.podman" && continue
    command=$(<"results/$1.$number.command")
    grep -qxF -- "\$ $command" "$BATS_TEST_DIRNAME/differences.txt" && continue
    differences=$((differences + 1))
    printf '$ %s\n--- rocker\n%s\n--- podman\n%s\n\n' "$command" "$(<"$result")" "$(<"results/$1.$number.podman")"
  done
  [[ $differences = 0 ]]
}

lines_of() { # NAME
  # bats follows each command of a function by a trap: here that would be half of the time.
  local -
  set +o functrace
  run_lines "$1" rocker
  (
    use_podman || exit 0
    run_lines "$1" podman >/dev/null
    compare "$1" || exit 1
    docker rm -f -t 0 -a >/dev/null 2>&1
    exit 0
  )
}

@test "run: one command in a container" { lines_of run; }
@test "streams: pipes, terminals, logs" { lines_of streams; }
@test "lifecycle: run -d to rm" { lines_of lifecycle; }
@test "files: cp, diff, export, commit, volumes" { lines_of files; }
@test "rights: users, capabilities, limits" { lines_of rights; }
@test "images and the house" { lines_of images; }
@test "formats: the templates of recipes" { lines_of format; }
