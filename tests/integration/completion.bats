#!/usr/bin/env bats
# Completion of rocker's line, by the shells themselves: bash and zsh at a terminal, fish by its own `complete -C`.
load helpers

setup() {
  setup_test
  needs overlay
  import_busybox busybox
  import_busybox alpine:3.18
  "$ROCKER" create --name web-one busybox true
  "$ROCKER" create --name web-two busybox true
  "$ROCKER" volume create data-one
  mkdir -p "$TEST_DIR/bin"
  ln -s "$ROCKER_IMAGE" "$TEST_DIR/bin/rocker-image"
  : >archive.tar
}

# What fish offers for the end of a line, without its descriptions.
fish_offers() { # LINE
  # shellcheck disable=SC2016
  HOME=$TEST_DIR PATH=$TEST_DIR/bin:$PATH fish --no-config -c 'source completion; complete -C $argv[1]' "$1" | cut -f1
}

# What bash offers, for words as readline makes them of the line.
bash_offers() { # WORD...
  # shellcheck disable=SC2016
  PATH=$TEST_DIR/bin:$PATH bash -c 'source ./completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rocker
    printf "%s\n" "${COMPREPLY[@]}"' - "$@"
}

# A shell at a terminal, ready.
start_shell() { # COMMAND SETUP
  terminal "env HOME=$TEST_DIR PATH=$TEST_DIR/bin:$PATH ROCKER_ROOT=$ROCKER_ROOT $1"
  type_keys "PS1='ready> '" Enter
  wait_for_screen '^ready>'
  type_keys "$2; clear" Enter
  wait_for_screen '^ready>'
}
# Types a line with a Tab at its end, and waits for what the shell makes of it.
completes_to() { # LINE REGEX
  type_keys C-u
  type_keys -l "$1"
  type_keys Tab
  wait_for_screen "$2"
}

@test "bash at a terminal completes verbs, options and names" {
  needs command tmux
  "$REPO/scripts/make-rocker-completion" bash "$ROCKER_IMAGE" >completion
  start_shell 'bash --norc --noprofile' 'source completion'
  completes_to 'rocker unp' '^ready> rocker unpause *$'
  completes_to 'rocker rm web-o' '^ready> rocker rm web-one *$'
  completes_to 'rocker rm -f web-t' '^ready> rocker rm -f web-two *$'
  completes_to 'rocker run --image bu' '^ready> rocker run --image busybox *$'
  completes_to 'rocker run --image=alp' '^ready> rocker run --image=alpine:3.18 *$'
  completes_to 'rocker rmi alpine:3' '^ready> rocker rmi alpine:3.18 *$'
  completes_to 'rocker run --memory-r' '^ready> rocker run --memory-reservation *$'
  completes_to 'rocker run -v da' '^ready> rocker run -v data-one$|^ready> rocker run -v data-one *$'
  completes_to 'rocker volume rm d' '^ready> rocker volume rm data-one *$'
  completes_to 'rocker import arch' '^ready> rocker import archive.tar *$'
  completes_to 'rocker container sta' '^ready> rocker container sta'
  completes_to 'rocker container start web-t' '^ready> rocker container start web-two *$'
}

@test "bash: what it offers at each place" {
  "$REPO/scripts/make-rocker-completion" bash "$ROCKER_IMAGE" >completion
  run -0 bash_offers rocker run ''
  assert_output $'alpine:3.18\nbusybox'
  run -0 bash_offers rocker rmi alpine : ''
  assert_output 3.18
  run -0 bash_offers rocker volume ''
  assert_output $'create\nls\ninspect\nrm\nprune'
  run -0 bash_offers rocker image tr
  assert_output tree
  run -0 bash_offers rocker ps --fi
  assert_output --filter
  # Behind an option that takes a value there is no name of a container.
  run -0 bash_offers rocker stop --time ''
  assert_output ''
  run -0 bash_offers rocker run --network container : web-o
  assert_output web-one
  # The store that is named on the line is asked, and not another.
  run -0 env -u ROCKER_ROOT bash -c "$(declare -f bash_offers); bash_offers rocker --root '$ROCKER_ROOT' rm web-o"
  assert_output web-one
  run -0 bash_offers rocker --root /nowhere rm ''
  assert_output ''
}

@test "bash: verbs of two words, with names, options and their values" {
  "$REPO/scripts/make-rocker-completion" bash "$ROCKER_IMAGE" >completion
  local words name
  for words in 'image rm' 'image inspect' rmi tag save history 'image history' images; do
    # shellcheck disable=SC2086
    run -0 bash_offers rocker $words ''
    assert_output $'alpine:3.18\nbusybox'
  done
  for words in 'container rm' 'container inspect' attach wait; do
    # shellcheck disable=SC2086
    run -0 bash_offers rocker $words web-o
    assert_output web-one
  done
  run -0 bash_offers rocker volume inspect ''
  assert_output data-one
  run -0 bash_offers rocker system prune --
  assert_output $'--all\n--filter\n--force\n--volumes\n--help'
  run -0 bash_offers rocker help volume i
  assert_output inspect
  # Both a container and an image may be meant.
  run -0 bash_offers rocker inspect ''
  assert_line web-one
  assert_line busybox
  run -0 bash_offers rocker cp web-o
  assert_output web-one:
  run -0 bash_offers rocker cp arch
  assert_output archive.tar
  run -0 bash_offers rocker load -i arch
  assert_output archive.tar
  run -0 bash_offers rocker --root bi
  assert_output bin
  run -0 bash_offers rocker run --restart un
  assert_output unless-stopped
  # What a verb's help lists is what is offered.
  while read -r words; do
    # shellcheck disable=SC2086
    run -0 bash_offers rocker $words --
    assert_line --help
    # shellcheck disable=SC2086
    for name in $("$ROCKER" $words --help | grep -oE '^ +(-[a-zA-Z], ?)?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
      assert_line "$name"
    done
  done < <(printf '%s\n' images 'image ls' import load save history rmi version info 'image prune' 'volume create' ps)
}

@test "zsh at a terminal completes verbs, options and names" {
  needs command tmux
  needs command zsh
  mkdir functions
  "$REPO/scripts/make-rocker-completion" zsh "$ROCKER_IMAGE" >functions/_rocker
  start_shell 'zsh -f' 'fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D'
  completes_to 'rocker unp' '^ready> rocker unpause$|^ready> rocker unpause *$'
  completes_to 'rocker rm web-o' '^ready> rocker rm web-one *$'
  completes_to 'rocker rm -f web-t' '^ready> rocker rm -f web-two *$'
  completes_to 'rocker run --image bu' '^ready> rocker run --image busybox *$'
  completes_to 'rocker rmi alpine:3' '^ready> rocker rmi alpine:3.18 *$'
  completes_to 'rocker run --memory-r' '^ready> rocker run --memory-reservation *$'
  completes_to 'rocker run -v da' '^ready> rocker run -v data-one *$'
  completes_to 'rocker run --network container:web-o' '^ready> rocker run --network container:web-one *$'
  completes_to 'rocker volume rm d' '^ready> rocker volume rm data-one *$'
  completes_to 'rocker container start web-t' '^ready> rocker container start web-two *$'
  completes_to 'rocker import arch' '^ready> rocker import archive.tar *$'
  completes_to 'rocker image rm alpine:3' '^ready> rocker image rm alpine:3.18 *$'
  completes_to 'rocker system prune --vol' '^ready> rocker system prune --volumes *$'
  completes_to 'rocker cp web-o' '^ready> rocker cp web-one:'
  completes_to 'rocker inspect web-t' '^ready> rocker inspect web-two *$'
  completes_to "rocker --root $ROCKER_ROOT rm web-o" 'rm web-one *$'
}

@test "fish offers verbs, options and names" {
  needs command fish
  "$REPO/scripts/make-rocker-completion" fish "$ROCKER_IMAGE" >completion
  run -0 fish_offers 'rocker unp'
  assert_output unpause
  run -0 fish_offers 'rocker rm '
  assert_output $'web-one\nweb-two'
  run -0 fish_offers 'rocker volume rm '
  assert_output data-one
  run -0 fish_offers 'rocker volume '
  assert_output $'create\ninspect\nls\nprune\nrm'
  run -0 fish_offers 'rocker run '
  assert_output $'alpine:3.18\nbusybox'
  run -0 fish_offers 'rocker run --image b'
  assert_output busybox
  run -0 fish_offers 'rocker run --memory-r'
  assert_output --memory-reservation
  run -0 fish_offers 'rocker run -v d'
  assert_output data-one
  run -0 fish_offers 'rocker run --network container:web-o'
  assert_output container:web-one
  run -0 fish_offers 'rocker container start web-t'
  assert_output web-two
  run -0 fish_offers 'rocker image rm '
  assert_output $'alpine:3.18\nbusybox'
  run -0 fish_offers 'rocker volume inspect '
  assert_output data-one
  run -0 fish_offers 'rocker system prune --vol'
  assert_output --volumes
  run -0 fish_offers 'rocker inspect web-o'
  assert_output web-one
  run -0 fish_offers 'rocker cp web-o'
  assert_output web-one:
  run -0 fish_offers 'rocker load --inp'
  assert_output --input
  run -0 fish_offers 'rocker import arch'
  assert_output archive.tar
  run -0 env -u ROCKER_ROOT bash -c "$(declare -f fish_offers); fish_offers 'rocker --root $ROCKER_ROOT rm web-o'"
  assert_output web-one
}
