#!/usr/bin/env bats
# What scripts that were written for docker ask for and read.
load helpers

setup() { setup_containers; }

@test "--platform: an image of another one is refused, and says what it is" {
  local mine=amd64 other=arm64
  [[ $(jq -r '.[0].architecture' <(rocker_image inspect busybox)) = amd64 ]] || { mine=arm64 other=amd64; }
  local good
  for good in linux "linux/$mine" "$mine" "$(uname -m)" "linux/$(uname -m)"; do
    run -0 rocker run --rm --platform "$good" busybox echo hello </dev/null
    assert_output hello
  done
  local verb
  for verb in run create; do
    run --separate-stderr rocker "$verb" --platform "linux/$other" busybox true
    assert_failure
    assert_one_error_line "--platform: busybox:latest is linux/$mine, asked for is linux/$other"
  done
  run -125 --separate-stderr rocker run --platform windows/amd64 busybox true
  assert_one_error_line 'asked for is windows/amd64'
  run -125 --separate-stderr rocker run --platform linux//arm64 busybox true
  assert_one_error_line 'linux//arm64'
  run -0 rocker ps -aq
  assert_output ''
}

@test "ps: named volumes and folders of the host's are mounts too; filters by volume, age and label" {
  mkdir shared
  rocker create --name one -v data:/data -v "$PWD/shared:/in:ro" --mount type=bind,source=/etc,target=/conf busybox true
  rocker create --name two -v /anonymous --label kind=x busybox true
  rocker create --name three --tmpfs /scratch busybox true
  run -0 rocker ps -a --no-trunc --format '{{.LocalVolumes}} {{.Mounts}}' --filter name=one
  assert_output "1 data,$PWD/shared,/etc"
  run -0 rocker ps -a --format '{{.Mounts}}' --filter name=two
  assert_output --regexp '^[0-9a-f]{14}…$'
  run -0 rocker ps -a --format '{{.LocalVolumes}}[{{.Mounts}}]' --filter name=three
  assert_output '0[]'
  local value
  for value in data "$PWD/shared" /in; do
    run -0 rocker ps -a --format '{{.Names}}' --filter "volume=$value"
    assert_output one
  done
  run -0 rocker ps -a --format '{{.Names}}' --filter volume=nothing
  assert_output ''
  run -0 rocker ps -a --format '{{.Names}}' --filter since=one
  assert_output $'three\ntwo'
  run -0 rocker ps -a --format '{{.Names}}' --filter before=three --filter since=one
  assert_output two
  # A name is a regular expression, as "does it run?" is asked in scripts.
  for value in '^two$' '^/two$' '/two' 'tw' '^t(wo|ow)$' 't.o$'; do
    run -0 rocker ps -a --format '{{.Names}}' --filter "name=$value"
    assert_output two
  done
  run -0 rocker ps -a -q --filter 'name=^tw$'
  assert_output ''
  run -1 --separate-stderr rocker ps --filter 'name=(x'
  assert_one_error_line 'name=(x: is no regular expression'
  run -1 --separate-stderr rocker ps --filter status=bogus
  assert_one_error_line 'no status "bogus"'
  run -1 --separate-stderr rocker ps -a --filter since=nobody
  assert_one_error_line 'No such container: nobody'
  run -0 rocker ps -a --format '{{.Names}}' --filter label!=kind=x
  assert_output $'three\none'
}

@test "images: docker's columns and ages by --format table; by name, with digests" {
  rocker tag busybox team/web:2
  run -0 rocker images --format table
  assert_line --index 0 --regexp '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$'
  assert_line --index 1 --regexp '^[a-z/]+ +[a-z0-9]+ +[0-9a-f]+ +(Less than a|[0-9]+|About a) (second|minute)s? ago +[0-9.]+MB$'
  run -0 rocker images --format 'table {{.Repository}}\t{{.ID}}\t{{.CreatedAt}}' busybox
  assert_line --index 0 --regexp '^REPOSITORY +IMAGE ID +CREATED AT$'
  assert_equal "${#lines[@]}" 2
  run -0 rocker images -a -q busybox:latest
  assert_equal "${#lines[@]}" 1
  run -0 rocker images --format '{{.Tag}}' 'team/*'
  assert_output 2
  run -0 rocker images --digests busybox
  assert_line --index 0 --regexp '^REPOSITORY +TAG +DIGEST +IMAGE ID'
  assert_line --index 1 --partial sha256:
  run -0 rocker images -q -f dangling=true
  assert_output ''
  run -0 rocker images -q -f dangling=false
  assert_equal "${#lines[@]}" 2
  run -0 rocker images -q nosuch
  assert_output ''
  # The first issue's table has its own columns.
  run -0 rocker images
  assert_line --index 0 --regexp '^REPOSITORY +TAG +IMAGE ID +SIZE +CREATED$'
}

@test "history: -q and --format, with docker's columns" {
  rocker create --name one busybox true
  rocker commit -m changed one "saved:$TEST_TAG"
  run -0 rocker history --format table "saved:$TEST_TAG"
  assert_line --index 0 --regexp '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$'
  assert_line --index 1 --regexp 'changed$'
  run -0 rocker history -q busybox
  assert_line --index 0 "$(rocker images -q busybox)"
  run -0 rocker history --format '{{.CreatedBy}}|{{.Comment}}' "saved:$TEST_TAG"
  assert_line --index 0 'true|changed'
}

@test "volume ls: filters, and docker's columns" {
  run -1 --separate-stderr rocker volume ls --filter color=red
  assert_one_error_line 'no filter "color"'
  rocker volume create --label kind=db --label a=b data
  rocker volume create other
  rocker create -v data:/data busybox true
  run -0 rocker volume ls -q -f label=kind=db
  assert_output data
  run -0 rocker volume ls -q -f label=kind
  assert_output data
  run -0 rocker volume ls -q -f label=kind=web
  assert_output ''
  run -0 rocker volume ls -q -f name=oth
  assert_output other
  run -0 rocker volume ls -q -f dangling=true
  assert_output other
  run -0 rocker volume ls --format '{{.Name}} {{.Labels}} {{.Label "kind"}}' -f name=data
  assert_output 'data a=b,kind=db db'
  run -0 rocker volume ls --format 'table {{.Name}}\t{{.Scope}}'
  assert_line --index 0 --regexp '^VOLUME NAME +SCOPE$'
}

@test "inspect: HostConfig has what the line asked for, in its words" {
  mkdir shared
  rocker create --name one --cap-add net_admin --cap-drop ALL --shm-size 1m --device /dev/null:/dev/zilch:r \
    -v ./shared:/in:ro -v data:/data -v /anonymous --tmpfs /scratch:size=1m --security-opt seccomp=unconfined \
    --restart on-failure:3 -m 64m --cpus 0.5 --read-only --init --add-host db:10.0.0.1 --dns 1.1.1.1 \
    --ulimit nofile=100:200 -u 1000 --entrypoint echo busybox hello
  rocker inspect one >inspect.json
  assert_json '.[0].HostConfig | [.Binds, .CapAdd, .CapDrop, .ShmSize, .Tmpfs, .SecurityOpt]' \
    "[[\"$PWD/shared:/in:ro\",\"data:/data\"],[\"CAP_NET_ADMIN\"],[\"ALL\"],1048576,{\"/scratch\":\"size=1m\"},[\"seccomp=unconfined\"]]" inspect.json
  assert_json '.[0].HostConfig.Devices' \
    '[{"PathOnHost":"/dev/null","PathInContainer":"/dev/zilch","CgroupPermissions":"r"}]' inspect.json
  assert_json '.[0].HostConfig | [.Memory, .NanoCpus, .RestartPolicy, .NetworkMode, .Privileged, .ReadonlyRootfs, .Init]' \
    '[67108864,500000000,{"Name":"on-failure","MaximumRetryCount":3},"none",false,true,true]' inspect.json
  assert_json '.[0].HostConfig | [.ExtraHosts, .Dns, .Ulimits]' \
    '[["db:10.0.0.1"],["1.1.1.1"],[{"Name":"nofile","Hard":200,"Soft":100}]]' inspect.json
  assert_json '[.[0].Mounts[] | [.Type, .Destination, .Mode, .RW]]' \
    '[["bind","/in","ro",false],["volume","/data","",true],["volume","/anonymous","",true]]' inspect.json
  assert_json '[.[0].Mounts[] | has("Name")]' '[false,true,true]' inspect.json
  assert_json '.[0].Mounts[0].Source' "\"$PWD/shared\"" inspect.json
  assert_json '.[0].Mounts[1] | [.Name, .Source]' "[\"data\",\"$ROCKER_ROOT/volumes/data/_data\"]" inspect.json
  assert_json '.[0].Config | [.User, .Entrypoint, .Cmd, .Volumes]' \
    '["1000",["echo"],["hello"],{"/anonymous":{}}]' inspect.json
  # What nobody asked for is docker's null.
  rocker create --name two --privileged busybox true
  rocker inspect two >inspect.json
  assert_json '.[0].HostConfig | [.Binds, .CapAdd, .CapDrop, .SecurityOpt, .Devices, .ShmSize, .Privileged]' \
    '[null,null,null,null,[],67108864,true]' inspect.json
  assert_json '.[0] | [.Mounts, .Config.Entrypoint, .NetworkSettings.Networks.none.IPAddress]' '[[],null,""]' inspect.json
}

@test "inspect --format: what nobody gave is printed as docker does, and --size is with the image" {
  import_busybox
  local size
  rocker create --name "$TEST_TAG" busybox true
  run -0 rocker inspect --format '{{.HostConfig.Binds}} {{.HostConfig.CapAdd}} {{.Config.ExposedPorts}} {{.Config.Volumes}} {{.State.Health}} {{.SizeRw}}' "$TEST_TAG"
  assert_output '[] [] map[] map[] <nil> <nil>'
  run -0 rocker inspect --format '{{json .HostConfig.Binds}} {{len .HostConfig.CapDrop}}' "$TEST_TAG"
  assert_output 'null 0'
  size=$(rocker image inspect --format '{{.Size}}' busybox)
  run -0 rocker inspect --size --format '{{.SizeRootFs}} {{.SizeRw}}' "$TEST_TAG"
  assert_regex "$output" '^[0-9]+ [0-9]+$'
  ((${output% *} == size + ${output#* }))
}

@test "inspect: a volume by its name, and --type" {
  rocker volume create "$TEST_TAG"
  run -0 rocker inspect --format '{{.Mountpoint}}' "$TEST_TAG"
  assert_output "$ROCKER_ROOT/volumes/$TEST_TAG/_data"
  rocker create --name "$TEST_TAG" busybox true
  run -0 rocker inspect --format '{{.State.Status}}' "$TEST_TAG"
  assert_output created
  run -0 rocker inspect --type volume --format '{{.Name}} {{.Driver}}' "$TEST_TAG"
  assert_output "$TEST_TAG local"
  run -1 --separate-stderr rocker inspect --type image --format '{{.Id}}' nobody
  assert_one_error_line 'Image not found'
  run -1 --separate-stderr rocker inspect --type container --format '{{.Id}}' busybox
  assert_one_error_line 'No such container'
  run -1 --separate-stderr rocker inspect --type network busybox
  assert_one_error_line network
  run -1 --separate-stderr rocker inspect --format '{{.Id}}' nobody
  assert_one_error_line 'No such object: nobody'
}

# The events up to now, TYPE ACTION a line, with the filters that are given.
events() {
  rocker events --since 1h --until 0s --format '{{.Type}} {{.Action}}' "$@"
}

@test "events: of images, volumes, exec, update, commit, cp; filters of one key are alternatives" {
  rocker tag busybox "other:$TEST_TAG"
  rocker rmi "other:$TEST_TAG"
  rocker save -o saved.tar busybox
  rocker load -i saved.tar
  rocker volume create data
  rocker volume rm data
  run -0 events --filter type=image
  assert_output $'image import\nimage tag\nimage untag\nimage delete\nimage save\nimage load'
  run -0 events --filter type=volume --filter volume=data
  assert_output $'volume create\nvolume destroy'
  rocker run -d --name one --label kind=x busybox sleep 1000
  rocker exec one true
  rocker update --pids-limit 100 one
  rocker cp "$REPO/README.md" one:/tmp/
  rocker commit one saved
  rocker kill one
  run -0 events --filter container=one
  assert_output "container create
container start
container exec_create: true
container exec_start: true
container update
container copy
container commit
container kill
container die"
  run -0 events --filter event=exec_start --filter event=die --filter label=kind=x
  assert_output $'container exec_start: true\ncontainer die'
  run -0 events --filter image=busybox --filter event=tag --filter event=create
  assert_output 'container create'
  local filter
  for filter in x =x nokey=x; do
    run --separate-stderr timeout 20 "$ROCKER" events --filter "$filter"
    assert_failure 1
    assert_one_error_line 'events: --filter'
  done
  run -0 rocker events --since 1h --until 0s --filter event=kill --format '{{.Actor.Attributes.signal}}'
  assert_output 9
}

@test "events: the exit code of a foreground run --rm, that nobody watches" {
  rocker run --rm busybox sh -c 'exit 3' </dev/null || true
  run -0 rocker events --since 1h --until 0s --filter event=die --format '{{.Actor.Attributes.exitCode}}'
  assert_output 3
}

@test "rm -f: several at once take away one container, and none of them fails" {
  local round i pids
  for round in 1 2 3; do
    rocker run -d --name one busybox sleep 1000
    pids=()
    for i in 1 2 3; do
      rocker rm -f one 2>"errors.$i" 3>&- &
      pids+=($!)
    done
    for i in "${pids[@]}"; do
      wait "$i" || fail "round $round: $(cat errors.*)"
    done
    run -0 rocker ps -aq
    assert_output ''
  done
}

@test "--network host: the host's name, unless another is given" {
  run -0 rocker run --rm --network host busybox hostname </dev/null
  assert_output "$(hostname)"
  run -0 rocker run --rm --network host --hostname box busybox hostname </dev/null
  assert_output box
  run -0 rocker run --rm busybox hostname </dev/null
  assert_output --regexp '^[0-9a-f]{12}$'
}

@test "what docker has and rocker has not is refused by its own name" {
  local option
  for option in --link=x --mac-address=02:00:00:00:00:01 --network-alias=x --cpu-rt-runtime=1 --ip6=::1 --cpu-rt-period=1 \
    --cpu-count=1 --cpu-percent=1 --io-maxiops=1 --io-maxbandwidth=1m --use-api-socket; do
    run -125 --separate-stderr rocker run "$option" busybox true
    assert_one_error_line "${option%%=*}"
  done
}

@test "words in front of the verb and verbs of images that docker has: refused by their names" {
  local words
  for words in '-H tcp://host ps' '--host=x ps' '--context x ps' '--tlsverify ps' '-D ps' '--log-level debug ps' '--config x ps' \
    'builder prune' 'image pull x' 'image push x' 'image build .'; do
    # shellcheck disable=SC2086
    run -1 --separate-stderr rocker $words
    assert_one_error_line "rocker has no $(sed -E 's/^image //; s/[= ].*//' <<<"$words")"
  done
}

@test "exec --detach-keys is refused, and not passed over" {
  rocker run -d --name one busybox sleep 1000
  run -125 --separate-stderr rocker exec --detach-keys ctrl-x one true
  assert_one_error_line 'exec: rocker has no --detach-keys'
}

@test "info: docker's names" {
  run -0 rocker info --format '{{.OSType}} {{.Architecture}} {{.NCPU}} {{.KernelVersion}} {{.DockerRootDir}}'
  assert_output "linux $(uname -m) $(nproc --all) $(uname -r) $ROCKER_ROOT"
  run -0 rocker info --format '{{.OperatingSystem}}'
  # shellcheck disable=SC1091
  assert_output "$(. /etc/os-release && echo "$PRETTY_NAME")"
  run -0 rocker info --format '{{.CgroupDriver}} {{.CgroupVersion}} {{json .SecurityOptions}} {{.MemTotal}}'
  assert_output --regexp '^cgroupfs [12] \[.*"name=seccomp,profile=builtin".*\] [0-9]+$'
}

@test "--add-host NAME:host-gateway: the host, where its network is the container's" {
  run -0 rocker run --rm --network host --add-host box:host-gateway busybox cat /etc/hosts </dev/null
  assert_line $'127.0.0.1\tbox'
  run -125 --separate-stderr rocker run --rm --add-host box:host-gateway busybox true
  assert_one_error_line '--network host'
}

@test "--add-host with =, and an IPv6 address in brackets; --quiet is as quiet as any run" {
  run -0 rocker run -q --rm --add-host db=10.0.0.1 --add-host six=::2 --add-host 'boxed=[::3]' busybox tail -n 3 /etc/hosts
  assert_output $'10.0.0.1\tdb\n::2\tsix\n::3\tboxed'
}

@test "diff: what the runtime made to mount on is not the container's doing" {
  rocker run --name "$TEST_TAG" -v data:/made/for/it --tmpfs /scratch busybox true
  run -0 rocker diff "$TEST_TAG"
  assert_output ''
  rocker rm "$TEST_TAG"
  rocker run --name "$TEST_TAG" -v data:/made/for/it busybox sh -c 'touch /made/x /etc/x; chmod 700 /var; rm /bin/vi; echo 1 >/etc/passwd'
  run -0 rocker diff "$TEST_TAG"
  assert_output "$(printf '%s\n' 'C /bin' 'D /bin/vi' 'C /etc' 'C /etc/passwd' 'A /etc/x' 'A /made' 'A /made/x' 'C /var')"
}

@test "top with options that ps refuses: its word, without its usage" {
  rocker run -d --name "$TEST_TAG" busybox sleep 1000
  run -1 --separate-stderr rocker top "$TEST_TAG" -nosuch
  assert_one_error_line 'ps: error: unsupported'
  refute_regex "$stderr" 'Usage|x0a'
}

is_healthy() { [[ $(rocker inspect --format '{{.State.Health.Status}}' "$1") = healthy ]]; }

@test "--health-start-interval: how often is asked during the start period" {
  rocker run -d --name one --health-cmd true --health-interval 1h --health-start-period 1h \
    --health-start-interval 100ms busybox sleep 1000
  wait_until 10 is_healthy one
  run -0 rocker inspect --format '{{.Config.Healthcheck.StartInterval}}' one
  assert_output 100000000
}
