#!/usr/bin/env bats
# The Debian packages, in a Debian 12 of their own: installed with apt, used, removed, purged. `make test-deb`.
#
# One machine for all tests, which follow one another: a debootstrap'ed tree with what the packages depend on, in
# namespaces of its own for mounts and processes, so that nothing of it outlives the tests. The tree is kept as
# $BUILD/debian/bookworm.tar and made again when that is not there.

load ../integration/helpers

DEBS=$BUILD/deb
BASE=$BUILD/debian/bookworm.tar

setup_file() {
  needs root
  needs command debootstrap
  compgen -G "$DEBS/rocker_*.deb" >/dev/null || fail "no packages in $DEBS: make deb"
  [[ -f $BASE ]] || make_base
  # Where what a killed run leaves is looked for.
  MACHINE=${ROCKER_TEST_RUN_DIR:-$BATS_FILE_TMPDIR}/debian
  mkdir "$MACHINE"
  # Everything below has to see a mount point as its root, for pivot_root(2).
  mount --bind "$MACHINE" "$MACHINE"
  tar -xf "$BASE" -C "$MACHINE"
  mkdir -p "$MACHINE/debs"
  cp "$DEBS"/*.deb "$(busybox_tar)" "$MACHINE/debs"
  cp /etc/resolv.conf "$MACHINE/etc/resolv.conf" 2>/dev/null || :
  # catatonit waits for what loses its parent; with it everything in the machine ends.
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child --propagation private sh -c '
    set -e
    cd "$1"
    mount --rbind /dev dev
    mount --rbind /sys sys
    mount -t proc proc proc
    mount -t tmpfs tmpfs run
    pivot_root . mnt
    umount -l /mnt
    touch /run/ready
    exec catatonit -P' - "$MACHINE" </dev/null >"$BATS_FILE_TMPDIR/machine.log" 2>&1 3>&- 4>&- &
  UNSHARE=$!
  wait_until 10 pgrep -P "$UNSHARE"
  INIT=$(pgrep -P "$UNSHARE")
  export MACHINE UNSHARE INIT
  wait_until 10 test -e "/proc/$INIT/root/run/ready"
  files >"$BATS_FILE_TMPDIR/before"
}

teardown_file() {
  [[ -n ${MACHINE-} ]] || return 0
  kill -KILL "$INIT" 2>/dev/null || :
  wait "$UNSHARE" 2>/dev/null || :
  umount -l "$MACHINE" 2>/dev/null || :
}

setup() {
  needs root
  # What it has on its disk.
  MACHINE_ROOT=/proc/$INIT/root
}
teardown() { :; }

make_base() {
  local tree=$BATS_FILE_TMPDIR/base
  mkdir -p "${BASE%/*}"
  echo "# debootstrap makes $BASE, which takes two minutes" >&3
  timeout 900 debootstrap --variant=minbase --include=conmon,catatonit,libmount1,libsystemd0,libisal2,gpgv,procps \
    bookworm "$tree" >"$BATS_FILE_TMPDIR/debootstrap.log" 2>&1 ||
    { tail -n 5 "$BATS_FILE_TMPDIR/debootstrap.log"; fail 'debootstrap failed: it needs the net, or a proxy in http_proxy'; }
  chroot "$tree" apt-get clean
  tar -C "$tree" -cf "$BASE.new" .
  mv "$BASE.new" "$BASE"
  rm -rf --one-file-system "$tree"
}

machine() {
  timeout -k 5 120 nsenter --target "$INIT" --mount --pid --root --wdns=/ -- \
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root "$@" 3>&- 4>&-
}
apt() { machine apt-get -q -y -o Dpkg::Use-Pty=0 "$@"; }

# Packages of ours, from their files.
install_() { # [OPTION] PACKAGE...
  local words=() word
  for word; do
    case $word in
      -*) words+=("$word") ;;
      *) words+=("/debs/$(cd "$DEBS" && echo "$word"_*.deb)") ;;
    esac
  done
  apt install --no-install-recommends "${words[@]}"
}

# Every file of the machine; not what dpkg and apt note down, nor what they keep of /etc/ld.so.cache.
files() {
  machine find / -xdev ! -path '/debs*' ! -path '/var/lib/dpkg/*' ! -path '/var/cache/*' ! -path '/var/lib/apt/*' \
    ! -path '/var/log/*' ! -path '/tmp/*' | sort
}

@test "lintian has nothing to say" {
  needs command lintian
  # Not for words that it finds in the machine code.
  run lintian --fail-on error,warning,info,pedantic --display-info --pedantic --allow-root \
    --suppress-tags spelling-error-in-binary "$DEBS"/*.changes
  assert_success
  assert_output ''
}

@test "the packages install with apt, and ask nothing" {
  run -0 install_ rocker rocker-image rocker-runc
  run -0 machine dpkg-query -W -f '${Package} ${db:Status-Status}\n' rocker rocker-image rocker-runc
  assert_output $'rocker installed\nrocker-image installed\nrocker-runc installed'
  run -0 machine dpkg --verify rocker rocker-image rocker-runc
  assert_output ''
}

@test "what belongs to a program is installed with it" {
  local package file
  # minbase keeps the documentation.
  for file in man1/rocker.1 man1/rocker-image.1 man5/rocker-bundle.5 man5/rocker-image.json.5 man5/rocker.conf.5 man8/rocker-runc.8; do
    run -0 machine zcat "/usr/share/man/$file.gz"
    assert_output --partial .Sh
  done
  for package in rocker rocker-image rocker-runc; do
    assert_file_exists "$MACHINE_ROOT/usr/share/bash-completion/completions/$package"
    for file in copyright changelog.gz "$package.spdx.json"; do
      assert_file_exists "$MACHINE_ROOT/usr/share/doc/$package/$file"
    done
  done
  assert_file_exists "$MACHINE_ROOT/usr/share/zsh/vendor-completions/_rocker"
  assert_file_exists "$MACHINE_ROOT/usr/share/fish/vendor_completions.d/rocker.fish"
  run -0 machine grep Exec /usr/lib/systemd/system/rocker@.service
  assert_output $'ExecStart=/usr/bin/rocker start %i\nExecStop=/usr/bin/rocker stop %i'
}

@test "the units are ones that systemd takes" {
  needs command systemd-analyze
  local unit
  # It looks for what the unit starts.
  for unit in rocker@ rocker-restart; do
    run -0 machine cat "/usr/lib/systemd/system/$unit.service"
    sed "s|/usr/bin/rocker|$BUILD/rocker|" <<<"$output" >"$BATS_TEST_TMPDIR/$unit.service"
  done
  run -0 systemd-analyze verify --man=no "$BATS_TEST_TMPDIR/rocker@web.service" "$BATS_TEST_TMPDIR/rocker-restart.service"
  refute_output --partial 'rocker'
}

@test "the SBOM names what is linked, with version and licence" {
  local package document
  for package in rocker rocker-image rocker-runc; do
    document=$MACHINE_ROOT/usr/share/doc/$package/$package.spdx.json
    assert_json .spdxVersion '"SPDX-2.3"' "$document"
    # Everything that a relationship names is there, and everything that is there has a relationship.
    run -0 jq -r '([.packages[].SPDXID] | sort) - ([.relationships[] | .spdxElementId, .relatedSpdxElement] | unique) | .[]' "$document"
    assert_output ''
    run -0 jq -r '([.relationships[] | .spdxElementId, .relatedSpdxElement] | unique) - [.packages[].SPDXID, "SPDXRef-DOCUMENT"] | .[]' "$document"
    assert_output ''
    # It is of the program that is installed.
    run -0 jq -r '.packages[0] | "\(.checksums[0].checksumValue)  \(.packageFileName)"' "$document"
    (cd "$MACHINE_ROOT" && sha256sum --check --quiet <<<"$output")
    run -0 jq -r '.packages[] | select(.licenseDeclared == "NOASSERTION") | .name' "$document"
    assert_output ''
  done
  document=$MACHINE_ROOT/usr/share/doc/rocker-image/rocker-image.spdx.json
  linked() { jq -r --arg kind "$1" '(.packages | map({key: .SPDXID, value: .}) | from_entries) as $all
    | .relationships[] | select(.relationshipType == $kind) | $all[.relatedSpdxElement] | "\(.name) \(.licenseDeclared)"' "$document"; }
  run -0 linked STATIC_LINK
  assert_line 'libarchive-dev BSD-2-Clause'
  assert_line 'libssl-dev Apache-2.0'
  assert_line 'libzstd-dev BSD-3-Clause OR GPL-2.0-only'
  run -0 linked DYNAMIC_LINK
  assert_line 'libc6 LGPL-2.1-or-later'
  # What the program itself says that it needs: there is no shared library beside those.
  run -0 jq -r '.packages[] | select(.name == "rapidjson-dev") | .licenseDeclared' "$document"
  assert_output MIT
  run -0 jq -r '.packages[] | select(.name == "libarchive-dev") | .versionInfo' "$document"
  assert_output "$(dpkg-query -W -f '${Version}' libarchive-dev)"
}

@test "the workflow: import, images, run, ps, stop, rm" {
  run -0 machine rocker import /debs/busybox.tar busybox
  run -0 machine rocker images
  assert_output --regexp 'busybox +latest'
  run -0 machine rocker run --rm --image busybox /bin/echo 'Hello World'
  assert_output 'Hello World'
  run -0 machine rocker run --image busybox -m 64m /bin/sh -c 'exit 0'
  run -0 machine rocker run -d --name web --image busybox /bin/sleep 1000
  run -0 machine rocker ps
  assert_output --partial web
  run -0 machine rocker exec web hostname
  run -0 machine rocker stop -t 0 web
  run -0 machine rocker start web
  run -7 machine rocker exec web sh -c 'exit 7'
  run -0 machine rocker version
}

@test "the profile is AppArmor 4's, and not shown to an older one" {
  assert_not_exists "$MACHINE_ROOT/etc/apparmor.d/rocker-runc"
  # What an upgrade to a Debian with AppArmor 4 does.
  machine sh -c 'mkdir -p /etc/apparmor.d/abi && touch /etc/apparmor.d/abi/4.0 && dpkg-trigger --by-package=rocker-runc /etc/apparmor.d/abi &&
    dpkg --triggers-only --pending'
  run -0 machine cat /etc/apparmor.d/rocker-runc
  assert_line '  userns,'
  assert_line 'abi <abi/4.0>,'
  run -0 install_ --reinstall rocker-runc
  run -0 machine readlink /etc/apparmor.d/rocker-runc
  assert_output /usr/share/rocker/apparmor/rocker-runc
}

@test "an upgrade leaves containers running, and the configuration as it was edited" {
  machine sh -c 'echo "verify = none # mine" >>/etc/rocker/rocker.conf'
  run -0 install_ --reinstall rocker rocker-image rocker-runc
  run -0 machine rocker ps -q --filter name=web
  refute_output ''
  run -0 machine rocker exec web echo still
  assert_output still
  run -0 machine cat /etc/rocker/rocker.conf
  assert_line 'verify = none # mine'
}

@test "remove stops the containers and keeps data and configuration" {
  local pid
  pid=$(machine rocker inspect --format '{{.State.Pid}}' web)
  run -0 apt remove rocker rocker-image rocker-runc
  run machine test -e "/proc/$pid"
  assert_failure
  run -0 machine ls /var/lib/rocker /etc/rocker
  assert_output --partial rocker.conf
  assert_output --partial images
  run machine sh -c 'command -v rocker rocker-image rocker-runc'
  assert_output ''
  run machine ls /etc/apparmor.d
  refute_output --partial rocker-runc
}

@test "purge deletes nothing through a mount" {
  machine sh -c 'mkdir -p /srv/precious "/var/lib/rocker/containers/a b" && echo data >/srv/precious/file &&
    mount --bind /srv/precious "/var/lib/rocker/containers/a b"'
  run apt purge rocker rocker-image rocker-runc
  assert_failure
  assert_output --partial 'was not removed, since this is mounted in it'
  assert_line '/var/lib/rocker/containers/a b'
  run -0 machine cat /srv/precious/file
  assert_output data
  run -0 machine ls /var/lib/rocker
  assert_output --partial images
  machine sh -c 'umount "/var/lib/rocker/containers/a b" && rm -r /srv/precious'
}

@test "purge leaves nothing" {
  # An overlay that a killed rocker has left is no hindrance.
  machine sh -c 'cd /var/lib/rocker/containers && mkdir -p "x y/rootfs" l u w && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w o "x y/rootfs"'
  run -0 apt purge rocker rocker-image rocker-runc
  machine rm -rf /etc/apparmor.d
  run -1 machine dpkg-query -W 'rocker*'
  assert_output --partial 'no packages found'
  run -0 files
  run -0 diff "$BATS_FILE_TMPDIR/before" - <<<"$output"
  run machine find /run -name 'rocker*'
  assert_output ''
  # Nor a process or a cgroup.
  run machine pgrep -l 'conmon|rocker'
  assert_output ''
}
