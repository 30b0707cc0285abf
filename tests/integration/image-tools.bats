#!/usr/bin/env bats
# What an image gives back: tag, export, save, verify, diff, history, df; and the ways to list and to trust.
load helpers
load tar

tree() {
  mkdir -p tree/etc tree/bin
  echo one >tree/etc/a
  ln tree/etc/a tree/etc/hard
  ln -s ../etc tree/bin/link
  printf x >tree/bin/tool
  chmod 4755 tree/bin/tool
  chown 5:6 tree/etc/a
  setfattr -n user.k -v v tree/bin/tool
  touch -d '2020-02-02 02:02:02 UTC' tree/etc/a tree/bin/tool tree/etc tree/bin tree
  tar --xattrs --format=pax -cf t.tar -C tree .
}

@test 'tag gives a second name that shares the files and lives on alone' {
  tree
  rocker_image import t.tar x
  run rocker_image tag x team/y:2
  assert_success
  assert [ "$(rocker_image path x)/etc/a" -ef "$(rocker_image path team/y:2)/etc/a" ]
  assert_equal "$(stat -c '%a %Y' "$(rocker_image path team/y:2)/etc")" "$(stat -c '%a %Y' tree/etc)"
  rocker_image rm x
  assert_equal "$(cat "$(rocker_image path team/y:2)/etc/a")" one
  run rocker_image verify team/y:2
  assert_success
  assert_json '.[0] | [.name, .tag]' '["team/y","2"]' <(rocker_image inspect team/y:2)
}

@test 'export gives the same bytes for the same image, and import takes them back' {
  tree
  rocker_image import t.tar x
  rocker_image export x -o one.tar
  # The same content from a tar in another order.
  (cd tree && find . -type d -o -type l -o -type f | sort -r | tar --xattrs --format=pax --no-recursion -cf ../rev.tar -T -)
  rocker_image import rev.tar y
  rocker_image export y >two.tar
  cmp one.tar two.tar
  rocker_image import one.tar z
  run rocker_image diff x z
  assert_success
  assert_output ''
  tar -tf one.tar >/dev/null
  local tool
  for tool in gzip zstd; do
    rocker_image export --compress $tool x | $tool -dc | cmp - one.tar
  done
  SOURCE_DATE_EPOCH=1000000000 rocker_image export x >clamped.tar
  refute [ "$(tar -tvf clamped.tar --utc --full-time | grep -c 2020)" -gt 0 ]
}

@test 'export and import keep the names of xattrs, and make no second one of any' {
  echo x >f
  setfattr -n user.a=b -v 1 f || skip 'needs user xattrs on the file system'
  setfattr -n user.p%41 -v 2 f
  setfattr -n $'user.\xffx' -v 3 f
  setfattr -n user.plain -v 4 f
  tar --xattrs --format=pax -cf t.tar f
  local round
  attributes() { (cd "$1" && getfattr -d f); }
  rocker_image import t.tar x:0
  attributes "$(rocker_image path x:0)" | diff <(attributes .) -
  for round in 0 1; do
    rocker_image export "x:$round" -o $round.tar
    rocker_image import $round.tar "x:$((round + 1))"
    attributes "$(rocker_image path "x:$((round + 1))")" | diff <(attributes .) -
  done
  cmp 0.tar 1.tar
  run tar -tf 0.tar
  assert_output $'./\nf'
}

@test 'an xattr that libarchive has written down twice is one' {
  printf '%s\n' '34 LIBARCHIVE.xattr.user.a%3Db=MQ' '29 SCHILY.xattr.user.a%3Db=1' >pax
  { tar_entry name=PaxHeaders/x type=x file=pax; tar_entry name=f content=1
    tar_pax LIBARCHIVE.xattr.user.%FF MQ; tar_entry name=g content=1; tar_end; } >t.tar
  import_ok t.tar
  assert_equal "$(getfattr -d "$root/f" 2>/dev/null | grep -c user)" 1
  assert_equal "$(getfattr --only-values -n user.a=b "$root/f" 2>/dev/null)" 1
  assert_equal "$(getfattr --only-values -n $'user.\xff' "$root/g" 2>/dev/null)" 1
}

@test 'verify and diff see xattrs, file capabilities and ACLs' {
  needs command setcap
  tree
  local root
  mkdir tree/acl tree/default
  setfacl -m u:4242:rwx tree/acl && setfacl -d -m u:4242:rwx tree/default || skip 'needs ACLs on the file system'
  setfattr -h -n trusted.of -v link tree/bin/link
  tar --xattrs --xattrs-include='*' --acls --format=pax -cf t.tar -C tree .
  rocker_image import t.tar x
  rocker_image import t.tar y
  root=$(rocker_image path x)
  run rocker_image verify x
  assert_success
  setcap cap_sys_admin+ep "$root/etc/a"
  setfattr -n user.k -v other "$root/bin/tool"
  setfattr -n trusted.new -v 1 "$root"
  setfattr -h -x trusted.of "$root/bin/link"
  setfacl -b "$root/acl"
  setfacl -k "$root/default"
  setfattr -n security.selinux -v system_u:object_r:bin_t:s0 "$root/bin" || true
  run rocker_image verify --quick x
  assert_failure 1
  local changed='C /  xattrs
C /acl  mode 0775 -> 0755, xattrs
C /bin/link  xattrs
C /bin/tool  xattrs
C /default  xattrs
C /etc/a  xattrs
C /etc/hard  xattrs'
  assert_output "$changed"
  # What was imported before manifests had them.
  sed -i -e '/^# xattrs/d' -e 's/ tags=.*//' "${root%/rootfs}/manifest"
  run rocker_image verify x
  assert_failure 1
  assert_output 'C /acl  mode 0775 -> 0755'
  run rocker_image diff y x
  assert_output ''
  rocker_image import "$root" z
  run rocker_image diff y z
  assert_output "$changed"
}

@test 'the manifest has the xattrs that are on the disk, not those of the archive' {
  { tar_pax SCHILY.xattr.trusted.overlay.opaque y; tar_entry name=d/ type=5 mode=755
    tar_pax SCHILY.xattr.user.overlay.opaque y; tar_entry name=f content=1; tar_end; } >t.tar
  import_ok t.tar
  refute grep tags= "${root%/rootfs}/manifest"
  run rocker_image verify x
  assert_success
  # A default ACL of the store's is its files' as well.
  mkdir "$ROCKER_ROOT/tmp" 2>/dev/null || true
  setfacl -d -m u:4242:rwx "$ROCKER_ROOT/tmp" || skip 'needs ACLs on the file system'
  rocker_image import t.tar y
  run rocker_image verify y
  assert_success
}

@test 'save makes an OCI archive that skopeo and umoci read and import takes back' {
  tree
  rocker_image import -c 'CMD ["/bin/tool", "a b"]' -c 'ENV A=1' t.tar x:1
  rocker_image save x:1 -o s.tar
  rocker_image save x:1 >again.tar
  cmp s.tar again.tar
  rocker_image rm x:1
  run rocker_image import s.tar
  assert_success
  assert_output --partial 'Imported x:1 '
  assert_json '.[0].config' '{"Env":["A=1"],"Cmd":["/bin/tool","a b"]}' <(rocker_image inspect x:1)
  run rocker_image verify x:1
  assert_success
  if command -v skopeo >/dev/null; then
    run skopeo inspect oci-archive:s.tar
    assert_success
    assert_json .Env '["A=1"]'
  fi
}

@test 'save of several images: one archive with each of them, what they share once' {
  tree
  rocker_image import -c 'ENV A=1' t.tar x:1
  rocker_image tag x:1 x:2
  mkdir other && echo other >other/file && tar -cf other.tar -C other file
  rocker_image import other.tar y:1
  run --separate-stderr rocker_image save x:1 x:2 y:1 x:1 nosuch -o s.tar
  assert_failure 1
  assert_one_error_line 'Image not found: nosuch:latest'
  refute [ -e s.tar ]
  rocker_image save x:1 x:2 y:1 x:1 -o s.tar
  assert_json '[.[].RepoTags]' '[["x:1","x:2"],["y:1"]]' <(tar -xOf s.tar manifest.json)
  run tar -tf s.tar
  assert_equal "$(printf '%s\n' "${lines[@]}" | sort | uniq -d)" ''
  assert_equal "$(printf '%s\n' "${lines[@]}" | grep -c '^blobs/sha256/.')" 6
  rocker_image rm x:1 x:2 y:1
  rocker_image import --all s.tar
  run rocker_image list --format '{{.Repository}}:{{.Tag}}'
  assert_equal "$(printf '%s\n' "${lines[@]}" | sort | xargs)" 'x:1 x:2 y:1'
  assert_equal "$(cat "$(rocker_image path y:1)/file")" other
  rocker_image diff x:1 x:2
}

@test 'verify says what somebody has changed' {
  tree
  rocker_image import t.tar x
  run rocker_image verify x
  assert_success
  root=$(rocker_image path x)
  printf y >"$root/bin/tool"
  touch -d '2020-02-02 02:02:02 UTC' "$root/bin/tool"
  chmod 4755 "$root/bin/tool"
  chmod 600 "$root/etc/a"
  rm "$root/bin/link"
  touch "$root/new"
  run rocker_image verify x
  assert_failure 1
  assert_line 'C /bin/tool  content'
  assert_line 'C /etc/a  mode 0644 -> 0600'
  assert_line 'D /bin/link'
  assert_line 'A /new'
  rocker_image import --no-manifest t.tar x
  run --separate-stderr rocker_image verify x
  assert_failure 1
  assert_one_error_line 'there is no manifest'
}

@test 'diff of two images' {
  tree
  rocker_image import t.tar x
  echo more >>tree/etc/a
  rm tree/bin/tool
  touch tree/etc/added
  tar --format=pax -cf u.tar -C tree .
  rocker_image import u.tar y
  run rocker_image diff x y
  assert_success
  assert_line --partial 'C /etc/a  size 4 -> 9'
  assert_line 'D /bin/tool'
  assert_line 'A /etc/added'
}

@test 'history: the archive, its digest, and the steps' {
  tree
  rocker_image import -m 'from the build' -c 'CMD /bin/tool' t.tar x
  run rocker_image history x
  assert_success
  assert_line --partial "$TEST_DIR/t.tar (tar)"
  assert_line "digest  sha256:$(sha256sum t.tar | cut -d' ' -f1)"
  assert_line --partial 'from the build'
}

@test '--change takes what a Dockerfile takes' {
  tree
  rocker_image import -c 'CMD ["/bin/sh"]' -c 'entrypoint /init --x' -c 'ENV A="b c" D=e' -c 'ENV OLD the rest' \
    -c 'EXPOSE 80 53/udp' -c 'LABEL k="v w"' -c 'STOPSIGNAL SIGINT' -c 'USER 1:2' -c 'VOLUME ["/a", "/b"]' -c 'VOLUME /c' \
    -c 'WORKDIR /w' -c 'WORKDIR sub' t.tar x
  run rocker_image inspect x
  assert_json '.[0].config' '{"User":"1:2","ExposedPorts":{"80/tcp":{},"53/udp":{}},"Env":["A=b c","D=e","OLD=the rest"],"Entrypoint":["/bin/sh","-c","/init --x"],"Cmd":["/bin/sh"],"Volumes":{"/a":{},"/b":{},"/c":{}},"WorkingDir":"/w/sub","Labels":{"k":"v w"},"StopSignal":"SIGINT"}'
  local bad
  for bad in 'RUN x' 'CMD' 'CMD ["a"' 'EXPOSE 99999' 'ENV novalue' 'ENV "a'; do
    run --separate-stderr rocker_image import -c "$bad" t.tar y
    assert_failure 1
    assert_one_error_line '--change'
    assert [ ! -e "$ROCKER_ROOT/images/y" ]
  done
}

@test 'list: quiet, formats, filters, full IDs' {
  tree
  rocker_image import t.tar old
  rocker_image import -c 'LABEL role=web' t.tar team/new:2
  assert_equal "$(rocker_image list -q | wc -l)" 2
  assert_equal "$(rocker_image list -q --no-trunc | head -n 1 | wc -c)" 13
  run rocker_image list --format '{{.Repository}}:{{.Tag}}\t{{.ID}}'
  assert_line --regexp '^old:latest	[0-9a-f]{8}$'
  run rocker_image list --format json
  assert_json '.Repository' '"old"' <(tail -n 1 <<<"$output")
  run rocker_image list --format 'table {{.Tag}}\t{{.Repository}}'
  assert_line --regexp '^TAG +REPOSITORY$'
  assert_equal "$(rocker_image list --format '{{if .Digest}}{{upper .Tag}}{{end}}' | head -n 1)" 2
  assert_equal "$(rocker_image inspect --format json old | jq -r .name)" old
  assert_equal "$(rocker_image list -f 'reference=team/*' --format '{{.Repository}}')" team/new
  assert_equal "$(rocker_image list -f label=role=web --format '{{.Repository}}')" team/new
  assert_equal "$(rocker_image list -f before=team/new:2 --format '{{.Repository}}')" old
  assert_equal "$(rocker_image list -f since=old --format '{{.Repository}}')" team/new
  run --separate-stderr rocker_image list --format '{{.Nothing}}'
  assert_failure 1
  assert_one_error_line 'no field ".Nothing"'
  assert_equal "$(rocker_image inspect -f '{{.Config.Labels.role}} {{json .tag}}' team/new:2)" 'web "2"'
}

@test 'df counts images and what they take up' {
  tree
  rocker_image import t.tar x
  run rocker_image df
  assert_success
  assert_line --regexp '^Images +1 +0 '
}

@test 'an archive of one directory is imported, and the option that strips it is named' {
  mkdir -p wrap/rootfs/{bin,etc,usr,var}
  tar -cf t.tar -C wrap rootfs
  run --separate-stderr rocker_image import t.tar x
  assert_success
  [[ $stderr == *'--strip-components 1'* ]]
  run --separate-stderr rocker_image import --strip-components 1 t.tar x
  assert_equal "$stderr" ''
}

@test 'a directory becomes an image' {
  tree
  run rocker_image import tree x
  assert_success
  rocker_image import t.tar y
  run rocker_image diff y x
  assert_output ''
}

@test 'the file of -o: a link stays one, and /dev/stdout is standard output' {
  import_busybox
  # A folder of our own, so that a mistake does not cost this machine its /dev/stdout.
  mkdir dev
  ln -s /proc/self/fd/1 dev/stdout
  ln -s real.tar link.tar
  rocker_image save -o dev/stdout busybox >out.tar
  assert_equal "$(readlink dev/stdout)" /proc/self/fd/1
  assert [ "$(tar -tf out.tar | grep -c oci-layout)" = 1 ]
  echo first >behind
  rocker_image save -o dev/stdout busybox >>behind
  assert_equal "$(head -n 1 behind | head -c 5)" first
  cmp <(tail -c +7 behind) out.tar
  rocker_image export -o dev/stdout busybox | tar -t | grep -q bin/busybox
  rocker_image export -o link.tar busybox
  assert_equal "$(readlink link.tar)" real.tar
  tar -tf real.tar | grep -q bin/busybox
  ln -s loop loop
  run rocker_image export -o loop busybox
  assert_failure 1
  assert_output --partial 'too many levels of symbolic links'
}

@test 'df counts what tags have in common once' {
  import_busybox
  local one
  one=$(rocker_image df | awk '$1 == "Images" { print $NF }')
  rocker_image tag busybox second
  rocker_image tag busybox third
  assert_equal "$(rocker_image df | awk '$1 == "Images" { print $2, $NF }')" "3 $one"
  run rocker system df -v
  assert_success
  assert_line --regexp '^second .* 0B +0$'
  rocker_image rm second third
  assert_equal "$(rocker_image df | awk '$1 == "Images" { print $2, $NF }')" "1 $one"
}

@test 'SOURCE_DATE_EPOCH is the latest time in the history as well' {
  import_busybox
  SOURCE_DATE_EPOCH=1000 rocker_image save -o one.tar busybox
  mkdir one
  tar -xf one.tar -C one
  run grep -rhoE '"created":"[^"]*"' one/blobs
  assert_success
  assert_equal "$(sort -u <<<"$output")" '"created":"1970-01-01T00:16:40.000000000Z"'
}

@test 'of several references one is enough, and times are those of here and now' {
  TZ=Asia/Tokyo import_busybox one
  TZ=America/Los_Angeles import_busybox two
  import_busybox three
  assert_equal "$(rocker_image list -q -f reference=one -f 'reference=tw*' | wc -l)" 2
  assert_equal "$(rocker_image list -q -f reference=one -f dangling=true | wc -l)" 0
  local image
  for image in one two; do
    assert_equal "$(TZ=UTC rocker_image list --format '{{.CreatedAt}}' "$image")" \
      "$(rocker_image list --format '{{.Created}}' "$image" | sed 's/T/ /; s/\..*//')"
    TZ=UTC rocker_image list "$image" |
      grep -qF "$(rocker_image list --format '{{.Created}}' "$image" | sed 's/T/ /; s/\..*//')"
  done
}
