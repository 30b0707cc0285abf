#!/usr/bin/env bats
# What keeps house: port, and the four ways to prune; image tree.
load helpers

setup() { setup_containers; }

@test "port: nothing is published, which is no error but for a port that is asked for" {
  rocker create --name "$TEST_TAG" busybox true
  run -0 rocker port "$TEST_TAG"
  assert_output ''
  run -1 --separate-stderr rocker port "$TEST_TAG" 80
  assert_one_error_line "No public port '80' published for $TEST_TAG"
  run -1 --separate-stderr rocker port nobody
  assert_one_error_line 'No such container'
  run -125 --separate-stderr rocker run -p 80:80 busybox true
  assert_one_error_line '--network host'
}

@test "container prune removes what does not run, as its filters say" {
  rocker create --name one --label keep=no busybox true
  rocker create --name two busybox true
  rocker run -d --name three busybox sleep 1000
  run -0 rocker container prune -f --filter label=keep=no
  assert_line --index 0 'Deleted Containers:'
  assert_line --index 2 --partial 'Total reclaimed space: '
  assert_equal "${#lines[@]}" 3
  run -0 rocker ps -a --format '{{.Names}}'
  assert_output $'three\ntwo'
  # Without -f it asks, and nobody's answer is no.
  local answer
  for answer in '' n no x; do
    run -0 --separate-stderr rocker container prune <<<"$answer"
    assert_output ''
    [[ $stderr == *'This will remove all stopped containers'*'[y/N]'* ]] || fail "$stderr"
  done
  run -0 --separate-stderr rocker container prune </dev/null
  run -0 rocker ps -a --format '{{.Names}}'
  assert_output $'three\ntwo'
  run -0 --separate-stderr rocker container prune <<<y
  run -0 rocker ps -a --format '{{.Names}}'
  assert_output three
  run -1 --separate-stderr rocker container prune --filter color=red
  assert_one_error_line color
}

@test "volume prune removes what no container has" {
  rocker volume create used
  rocker volume create unused
  rocker create --name "$TEST_TAG" -v used:/data busybox true
  echo data >"$ROCKER_ROOT/volumes/unused/_data/file"
  run -0 rocker volume prune -f
  assert_line 'Deleted Volumes:'
  assert_line unused
  assert_line --partial 'Total reclaimed space:'
  run -0 rocker volume ls -q
  assert_output used
  assert_not_exists "$ROCKER_ROOT/volumes/unused"
  rocker volume create named
  run -0 --separate-stderr rocker volume prune <<<no
  run -0 rocker volume ls -q
  assert_output $'named\nused'
  run -1 --separate-stderr rocker volume prune --everything
  assert_one_error_line --everything
}

@test "image prune: debris only, or with -a every image that no container uses" {
  rocker_image import -c 'LABEL kind=old' "$(busybox_tar)" old
  rocker_image import "$(busybox_tar)" other
  rocker create --name "$TEST_TAG" busybox true
  run -0 rocker image prune -f
  assert_output 'Total reclaimed space: 0B'
  run -0 rocker image prune -a -f --filter label=kind=old
  assert_line --index 0 'Deleted Images:'
  assert_line --index 1 old:latest
  run -0 rocker image prune -a -f --filter until=2001-01-01
  assert_output 'Total reclaimed space: 0B'
  run -0 rocker image prune -a </dev/null
  run -0 rocker image inspect --format '{{.RepoTags}}' other
  # What a container was made of is used, though it has been loaded again since.
  rocker save busybox -o busybox.oci
  run -0 rocker load -i busybox.oci
  assert_output 'Loaded image: busybox:latest'
  run -0 rocker system df
  assert_line --regexp '^Images +2 +1 '
  run -0 rocker image prune -a -f
  assert_line other:latest
  refute_line busybox:latest
  assert_line --regexp '^Total reclaimed space: [1-9]'
  run -0 rocker images -q
  assert_equal "${#lines[@]}" 1
  # The container that uses it still starts.
  run -0 rocker start -a "$TEST_TAG"
  run -1 --separate-stderr rocker image prune --filter color=red
  assert_one_error_line color
}

@test "system prune: stopped containers; images with -a, volumes with --volumes" {
  rocker volume create data
  rocker create --name gone -v data:/data busybox true
  rocker run -d --name stays busybox sleep 1000
  rocker_image import "$(busybox_tar)" unused
  run -0 rocker system prune -f
  assert_line 'Deleted Containers:'
  run -0 rocker ps -a --format '{{.Names}}'
  assert_output stays
  run -0 rocker volume ls -q
  assert_output data
  run -0 rocker image inspect --format '{{.RepoTags}}' unused
  run -0 rocker system prune -a --volumes </dev/null
  run -0 rocker volume ls -q
  assert_output data
  run -0 rocker system prune -a -f --volumes
  assert_line unused:latest
  assert_line data
  assert_line --regexp '^Total reclaimed space: [1-9]'
  run -0 rocker volume ls -q
  assert_output ''
  run -0 rocker exec stays true
  run -0 rocker system df
  assert_line --regexp '^Images +1 +1 '
  assert_line --regexp '^Containers +1 +1 '
  assert_line --regexp '^Local Volumes +0 '
}

@test "volume prune and system prune by label; until is not for volumes" {
  rocker volume create --label keep=yes one
  rocker volume create --label keep=no two
  run -0 rocker volume prune -f --filter label=keep=no
  assert_line two
  run -0 rocker volume ls -q
  assert_output one
  rocker create --name "$TEST_TAG" --label keep=yes busybox true
  rocker create --name "$TEST_TAG-gone" busybox true
  run -0 rocker system prune -f --volumes --filter 'label!=keep=yes'
  run -0 rocker ps -a --format '{{.Names}}'
  assert_output "$TEST_TAG"
  run -0 rocker volume ls -q
  assert_output one
  run -1 --separate-stderr rocker system prune -f --volumes --filter until=1h
  assert_one_error_line 'until is not for --volumes'
  run -1 --separate-stderr rocker volume prune -f --filter until=1h
  assert_one_error_line 'there is no filter "until"'
  run -1 --separate-stderr rocker system prune -f --filter color=red
  assert_one_error_line 'there is no filter "color"'
  run -1 --separate-stderr rocker volume create -o type=nfs three
  assert_one_error_line 'rocker has no --opt'
  run -1 --separate-stderr rocker port "$TEST_TAG" 80 90
  assert_one_error_line 'one argument too many'
}

@test "system df -v: each image, container and volume; json has them as lists" {
  rocker create --name "$TEST_TAG" -v data:/data -v /nameless busybox true
  run -0 rocker system df -v
  assert_line --regexp '^busybox +latest +.* ago +[0-9.]+MB +0B +[0-9.]+MB +1$'
  assert_line --regexp "^[0-9a-f]{12} +busybox:latest +\"true\" +2 +0B +.* +Created +$TEST_TAG\$"
  assert_line --regexp '^data +1 +0B$'
  run -0 rocker system df -v --format json
  assert_json '[.Images[0].Repository, .Containers[0].Names, (.Volumes | length), .Volumes[0].Links]' "[\"busybox\",\"$TEST_TAG\",2,\"1\"]"
  run -0 rocker system df -v --format '{{range .Volumes}}{{.Name}}={{.Links}} {{end}}'
  assert_output --partial 'data=1 '
}

@test "image tree shows the layers, and who else is the same" {
  rocker tag busybox "same:$TEST_TAG"
  rocker_image import "$(busybox_tar)" busybox:other
  run -0 rocker image tree busybox
  assert_line --regexp "^Tags: +\\[.*busybox:latest.*\\]\$"
  assert_line --partial "same:$TEST_TAG"
  assert_line --partial busybox:other
  assert_line --regexp '^└── ID: sha256:[0-9a-f]{64} Top Layer of: '
  run -1 --separate-stderr rocker image tree nobody
  assert_one_error_line 'Image not found'
  run -1 --separate-stderr rocker image tree
  assert_one_error_line 'expected one image'
}

@test "export: the file's option may stand behind the name, and a file may be called as a container is" {
  rocker create --name web busybox true
  rocker export web -o after.tar
  rocker export -o before.tar web
  assert_equal "$(tar -tf after.tar)" "$(tar -tf before.tar)"
  run -0 tar -tf after.tar
  assert_line --regexp '^(\./)?bin/busybox$'
  rocker export busybox -o web
  run -0 tar -tf web
  assert_line --regexp '^(\./)?bin/busybox$'
  # What is no file is written to, and stays what it is; one that can't be made leaves nothing.
  mkfifo pipe
  tar -tf pipe >through &
  rocker export -o pipe web
  wait $!
  assert [ -p pipe ]
  assert_equal "$(<through)" "$(tar -tf after.tar)"
  run -1 --separate-stderr rocker export -o nowhere/x.tar web
  assert_one_error_line 'nowhere/x.tar'
}
