#!/usr/bin/env bats
# list, inspect, path and rm: what is in the store, also when somebody has cleaned up in it by hand.
load helpers

# An image as anybody may write it: five members, and a rootfs.
plain_image() { # NAME TAG CREATED [SIZE]
  local dir=$ROCKER_ROOT/images/${1//\//%2F}/$2
  mkdir -p "$dir/rootfs"
  printf '{"name": "%s", "tag": "%s", "id": "x", "size": %s, "created_time": "%s"}' "$1" "$2" "${4:-462584320}" "$3" \
    >"$dir/image.json"
}

@test 'an empty store says what to do' {
  run rocker_image list
  assert_success
  assert_output "No images found. Use 'rocker import <tar-file> <image-name>' to import an image."
}

@test 'the table: aligned, newest first, ties by name' {
  plain_image busybox latest '2026-01-14 17:07:17'
  plain_image alpine 3.18 '2026-01-14 17:07:17' 2048
  plain_image localhost:5000/team/nginx latest '2026-02-01 00:00:00' 500
  run rocker_image list
  assert_success
  assert_output "$(
    cat <<'END'
REPOSITORY                 TAG     IMAGE ID  SIZE     CREATED
localhost:5000/team/nginx  latest  8cf9bf19  500B     2026-02-01 00:00:00
alpine                     3.18    f1507441  2.0KB    2026-01-14 17:07:17
busybox                    latest  b38350bb  441.1MB  2026-01-14 17:07:17
END
  )"
}

@test 'images of one second are told apart by the nanoseconds' {
  import_busybox zebra
  import_busybox ant
  assert_equal "$(rocker_image list | awk 'NR > 1 { print $1 }' | xargs)" 'ant zebra'
}

@test 'a broken image.json is a warning, and the rest is listed' {
  plain_image good latest '2026-01-14 17:07:17'
  plain_image bad latest '2026-01-14 17:07:17'
  echo '{"name": 7' >"$ROCKER_ROOT/images/bad/latest/image.json"
  run --separate-stderr rocker_image list
  assert_success
  assert_line --partial good
  refute_line --partial bad
  assert_equal "${#stderr_lines[@]}" 1
  assert [ "${stderr%%:*}" = rocker-image ]
  [[ $stderr == *warning*bad/latest/image.json* ]]
}

@test 'an image.json of any length, cut or no file at all' {
  import_busybox whole
  import_busybox cut
  import_busybox pipe
  import_busybox 'long'
  truncate -s -3 "$ROCKER_ROOT/images/cut/latest/image.json"
  rm "$ROCKER_ROOT/images/pipe/latest/image.json"
  mkfifo "$ROCKER_ROOT/images/pipe/latest/image.json"
  jq '.config.Labels.text = ("x" * 100000)' "$ROCKER_ROOT/images/long/latest/image.json" >"$BATS_TEST_TMPDIR/long"
  cp "$BATS_TEST_TMPDIR/long" "$ROCKER_ROOT/images/long/latest/image.json"
  run --separate-stderr timeout 10 "$ROCKER_IMAGE" list
  assert_success
  assert_line --partial whole
  assert_line --regexp '^long .* [0-9.]+[KM]B '
  assert_equal "${#lines[@]}" 3
  assert_equal "${#stderr_lines[@]}" 2
  [[ ${stderr_lines[0]} == *cut/latest/image.json*'not JSON'* ]]
  [[ ${stderr_lines[1]} == *pipe/latest/image.json*'is a FIFO'* ]]
}

@test 'hundreds of images, with one tag, another and several: all are listed in order, and what is broken is said in order' {
  local i
  for i in {100..399}; do plain_image "image$i" latest '2026-01-14 17:07:17'; done
  # Another tag, two, a tag beside a folder that is none, none at all, and broken ones.
  plain_image one edge '2026-01-14 17:07:17'
  plain_image two latest '2026-01-14 17:07:17'
  plain_image two edge '2026-01-14 17:07:17'
  plain_image hidden latest '2026-01-14 17:07:17'
  mkdir "$ROCKER_ROOT/images/hidden/.trash" "$ROCKER_ROOT/images/none"
  echo '{' >"$ROCKER_ROOT/images/image110/latest/image.json"
  echo '{' >"$ROCKER_ROOT/images/image390/latest/image.json"
  run --separate-stderr rocker_image list --format '{{.Repository}}:{{.Tag}}'
  assert_success
  assert_output "$({
    for i in {100..399}; do [[ $i = 110 || $i = 390 ]] || echo "image$i:latest"; done
    printf '%s\n' hidden:latest one:edge two:edge two:latest
  } | LC_ALL=C sort)"
  assert_equal "${#stderr_lines[@]}" 2
  [[ ${stderr_lines[0]} = *image110/latest/image.json* && ${stderr_lines[1]} = *image390/latest/image.json* ]]
}

@test 'an image.json that is no regular file is said and never waited for' {
  plain_image good latest '2026-01-14 17:07:17'
  plain_image bad latest '2026-01-14 17:07:17'
  local file=$ROCKER_ROOT/images/bad/latest/image.json make
  for make in mkfifo 'ln -s ../../good/latest/image.json' mkdir; do
    rm "$file"
    $make "$file"
    run --separate-stderr timeout 20 "$ROCKER_IMAGE" list
    assert_success
    assert_line --partial good
    refute_line --partial bad
    [[ ${#stderr_lines[@]} = 1 && $stderr = *warning*bad/latest/image.json*'expected a regular file'* ]]
    for command in inspect path history export verify; do
      run --separate-stderr timeout 20 "$ROCKER_IMAGE" "$command" bad
      assert_failure 1
      [[ ${#stderr_lines[@]} = 1 && $stderr = *bad/latest/image.json*'expected a regular file'* ]]
    done
    [[ $make != mkdir ]] || rmdir "$file"
    [[ $make = mkdir ]] || continue
    mkfifo "$file"
  done
  # It can still be removed.
  run -0 timeout 20 "$ROCKER_IMAGE" rm bad
  assert_not_exist "$ROCKER_ROOT/images/bad"
}

@test 'an image is found by name, by tag and by the beginning of its ID' {
  plain_image busybox latest '2026-01-14 17:07:17'
  plain_image alpine 3.18 '2026-01-14 17:07:17'
  for name in busybox busybox:latest b38350bbd27a b38350bb b3; do
    run rocker_image path "$name"
    assert_output "$ROCKER_ROOT/images/busybox/latest/rootfs"
  done
  run rocker_image path alpine
  assert_failure 1
  assert_output "rocker-image: Image not found: alpine:latest - there is alpine:3.18"
}

@test 'an ID that several images begin with is refused' {
  local i
  for i in {1..40}; do plain_image "img$i" latest '2026-01-14 17:07:17'; done
  prefix=$(rocker_image list | awk 'NR > 1 { print substr($3, 1, 1) }' | sort | uniq -d | head -n 1)
  run --separate-stderr rocker_image path "$prefix"
  assert_failure 1
  assert_one_error_line 'several IDs'
}

@test 'inspect gives all of it as JSON' {
  import_busybox
  run rocker_image inspect busybox
  assert_success
  assert_json '[.[0].name, .[0].tag, .[0].id, .[0].os, .[0].used_by]' '["busybox","latest","b38350bbd27a","linux",[]]'
  assert_json '.[0].rootfs' "\"$ROCKER_ROOT/images/busybox/latest/rootfs\""
  assert_json '.[0].disk_usage > 1000000 and .[0].disk_usage < .[0].size' true
}

@test 'inspect --format: what an image does not have is null, what no image has is an error' {
  plain_image x latest '2026-01-14 17:07:17'
  assert_equal "$(rocker_image inspect -f '{{json .config}} {{json .Config.Cmd}} {{.name}}' x)" 'null null x'
  run --separate-stderr rocker_image inspect -f '{{json .confg}}' x
  assert_failure 1
  assert_one_error_line 'no field ".confg"'
}

@test 'what an image says of itself can not command the terminal, and its JSON is valid' {
  local dir=$ROCKER_ROOT/images/x/latest command
  plain_image x latest '2026-01-14 17:07:17'
  # An escape as JSON has it, DEL and a C1 control as they are, and bytes that are no UTF-8.
  printf '{"name": "x", "tag": "latest", "id": "x", "size": 1, "created_time": "\\u001b[2J\302\2331m\177\377 now", "history": [{"created_by":
    "a\\u001b]0;b\302\235\377"}], "config": {"Labels": {"k": "\\u001b[31m\302\233\177\351"}}}' |
    tr -d '\n' >"$dir/image.json"
  for command in list 'list --format table' 'list --format json' inspect history 'history --no-trunc' 'inspect -f json' \
    'inspect -f {{json\ .config}}'; do
    eval "set -- $command"
    [[ $1 = list ]] || set -- "$@" x
    rocker_image "$@" >out
    # shellcheck disable=SC2016
    python3 -c 'import sys, unicodedata
text = open("out", "rb").read().decode()
assert not [c for c in text if unicodedata.category(c) == "Cc" and c != "\n"], ascii(text)' || fail "$command"
    case $command in *json* | inspect) jq . out >/dev/null ;; esac
  done
  run rocker_image list
  assert_line --partial '\x1b[2J\xc2\x9b1m\x7f\xff now'
  assert_equal "$(rocker_image inspect x | jq '.[0].config.Labels.k | explode' -c)" '[27,91,51,49,109,155,127,65533]'
}

@test 'rm removes the image, and its folder when it was the last tag' {
  plain_image a latest '2026-01-14 17:07:17'
  plain_image a v2 '2026-01-14 17:07:17'
  run rocker_image rm a
  assert_success
  assert [ ! -e "$ROCKER_ROOT/images/a/latest" ]
  assert [ -e "$ROCKER_ROOT/images/a/v2" ]
  run rocker_image rm a:v2
  assert [ ! -e "$ROCKER_ROOT/images/a" ]
  run --separate-stderr rocker_image rm a:v2
  assert_failure 1
  assert_one_error_line 'Image not found: a:v2'
  run rocker_image rm -f a:v2
  assert_success
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}

@test 'one that is missing does not keep rm from the others' {
  plain_image a latest '2026-01-14 17:07:17'
  plain_image c latest '2026-01-14 17:07:17'
  run rocker_image rm a b c
  assert_failure 1
  assert_line --partial 'Image not found: b'
  run rocker_image list
  assert_output --partial 'No images found'
}

@test 'after rm -rf by hand every command still works and says what is missing' {
  import_busybox one
  import_busybox two
  import_busybox three
  rm -rf "$ROCKER_ROOT/images/one" "$ROCKER_ROOT/images/two/latest" "$ROCKER_ROOT/images/three/latest/rootfs"
  run --separate-stderr rocker_image list
  assert_success
  assert_line --partial three
  refute_line --partial one
  refute_line --partial two
  local verb
  for verb in path inspect; do
    run rocker_image "$verb" one
    assert_failure 1
    assert_output --partial 'Image not found: one:latest'
    run rocker_image "$verb" two
    assert_failure 1
    assert_output --partial 'Image not found: two:latest'
    run rocker_image "$verb" three
    assert_failure 1
    assert_output --partial 'rootfs not found'
  done
  run rocker_image rm three
  assert_success
  import_busybox two
  run rocker_image path two
  assert_success
}

@test 'an image without its image.json can still be removed' {
  plain_image a latest '2026-01-14 17:07:17'
  rm "$ROCKER_ROOT/images/a/latest/image.json"
  run --separate-stderr rocker_image path a
  assert_failure 1
  assert_one_error_line 'image.json is missing'
  run rocker_image rm a
  assert_success
}

@test 'a command line that does not parse is one line' {
  run --separate-stderr rocker_image lst
  assert_failure 1
  assert_one_error_line 'did you mean "list"?'
  run --separate-stderr rocker_image
  assert_failure 1
  assert_one_error_line 'a command is missing'
  run --separate-stderr rocker_image path
  assert_failure 1
  assert_one_error_line IMAGE
  run --separate-stderr rocker_image list --nonsense
  assert_failure 1
  assert_one_error_line --nonsense
  run --separate-stderr rocker_image --nonsense list
  assert_failure 1
  assert_one_error_line --nonsense
}

@test '--root wins over ROCKER_ROOT' {
  plain_image a latest '2026-01-14 17:07:17'
  run rocker_image --root "$TEST_DIR/other" list
  assert_output --partial 'No images found'
  run env -u ROCKER_ROOT "$ROCKER_IMAGE" --root="$ROCKER_ROOT" list
  assert_output --partial latest
}
