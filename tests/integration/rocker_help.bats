#!/usr/bin/env bats
# Help, completion and man page say the same, since one table says it.

load helpers

# The verbs of a group, or those that `rocker --help` lists: a line each, two words where a verb has two.
verbs_of() { # [GROUP]
  if [[ $# = 0 ]]; then
    # The lines from "Images" to the empty one. What stands in capitals or brackets is no verb.
    "$ROCKER" --help | sed -n '3,/^$/{s/^[A-Z][a-z]*//; s/\[[^ ]*//g; s/\(import\) .*TAG\]/\1/; p}' |
      awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^(container|image|volume|system)$/) { group = $i } else {
        if ($i ~ /^[a-z|]+$/) { n = split($i, word, "|"); for (j = 1; j <= n; j++) print group (group ? " " : "") word[j] }
        group = "" } }'
  else
    "$ROCKER" "$1" --help | sed -n "s/^  \([a-z]*\)  .*/$1 \1/p"
  fi
}

helps() { # ARGUMENT...
  run --separate-stderr timeout 20 "$ROCKER" "$@"
  [[ $status = 0 && -z $stderr && $output == 'Usage: rocker '* ]] || fail "rocker $*: $status: $output $stderr"
}

@test "every verb and every group answers to help, --help and -h" {
  local group name words
  verbs_of >verbs
  for group in container image volume system; do verbs_of "$group" >>verbs; done
  for name in import load images run ps 'container prune' 'image rm' 'volume create' 'system df' version doctor \
    'container start' 'container ls' 'image inspect' 'system events'; do
    grep -qx "$name" verbs || fail "no help lists $name"
  done
  while read -r name; do
    read -ra words <<<"$name"
    helps help "${words[@]}"
    helps "${words[@]}" --help
    # -h is a host's name there.
    [[ ${words[-1]} =~ ^(run|create)$ && ${words[0]} != volume ]] || helps "${words[@]}" -h
  done <verbs
  for group in container image volume system; do
    helps help "$group"
    helps "$group" --help
    helps "$group" -h
  done
  helps help
  helps --help
  # Behind other options too, and never by running what was asked about.
  helps ps -a --help
  helps run --rm --help
  helps help run busybox
}

@test "every verb of rocker --help has its section in the man page" {
  local name
  verbs_of >verbs
  [[ $(wc -l <verbs) -ge 45 ]]
  while read -r name; do
    # Another spelling stands in the section of the verb that it is.
    case $name in
      info) name='system info' ;;
      'image ls') name=images ;;
      'image rm') name=rmi ;;
    esac
    grep -qxE "\.Ss rocker $name" "$REPO/man/rocker.1" || fail "man page: $name"
  done <verbs
}

# The options that a verb's own help lists, which is made by one of two programs' rooms: "--quiet" and the like.
options_in_help() { # VERB...
  "$ROCKER" "$@" --help | grep -oE '^ +(-[a-zA-Z], ?)?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

@test "the man page has every verb and option of the tables" {
  run -0 "$ROCKER_IMAGE" container complete tables
  local kind verb option _ section words
  while IFS=$'\t' read -r kind verb _; do
    [[ $kind = verb ]] || continue
    grep -qx ".Ss rocker $verb" "$REPO/man/rocker.1" || fail "man page: $verb"
    [[ $verb != create ]] || continue
    section=$(sed -n "/^\.Ss rocker $verb\$/,/^\.S[sh]/p" "$REPO/man/rocker.1")
    read -ra words <<<"$verb"
    for option in $(options_in_help "${words[@]}"); do
      [[ $option = --help ]] || grep -qE "^\.It .*Fl -${option#--}( |$)" <<<"$section" || fail "man page: $verb $option"
    done
  done <<<"$output"
}

@test "the examples of the man page run" {
  needs overlay
  needs command conmon
  mkdir base-image
  ln -s "$(busybox_tar)" base-image/busybox.tar
  PATH=$BUILD:$PATH
  unset -f rocker
  sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$REPO/man/rocker.1" | grep '^rocker ' >examples
  [[ $(wc -l <examples) -ge 5 ]]
  local line
  while read -r line; do
    eval "$line" </dev/null >out 2>&1 || fail "$line: $(<out)"
  done <examples
  run -0 "$ROCKER" ps -aq
}

@test "help: one screen, a verb's, and what was meant" {
  run -0 "$ROCKER" --help
  [[ ${#lines[@]} -le 24 ]] || fail "${#lines[@]} lines"
  run -0 "$ROCKER" help run
  assert_output --partial '--memory SIZE'
  assert_output --partial 'network is none'
  run -1 --separate-stderr "$ROCKER" strat
  assert_one_error_line 'did you mean "start"?'
  run -1 --separate-stderr "$ROCKER" pull x
  assert_one_error_line skopeo
}

@test "every verb's error begins with rocker: and calls the verb as it was typed" {
  local verb words
  # verb, an argument that it can't take
  for verb in images rmi history save import load version ps stop rm 'volume ls' 'image prune' 'image inspect' pause; do
    read -ra words <<<"$verb"
    run -1 --separate-stderr "$ROCKER" "${words[@]}" --no-such-option x
    # image inspect is inspect, of images alone.
    [[ $stderr == "rocker: ${verb/image inspect/inspect}: unknown option "* ]] || fail "$verb: $stderr"
  done
  for verb in tag rmi history save; do
    run -1 --separate-stderr "$ROCKER" "$verb" nosuch x
    [[ $stderr == 'rocker: '* ]] || fail "$verb: $stderr"
  done
  run -1 --separate-stderr "$ROCKER" rmi
  assert_one_error_line "see 'rocker rmi --help'"
  run -1 --separate-stderr "$ROCKER" volume lss
  assert_one_error_line 'did you mean "volume ls"?'
  run -1 --separate-stderr "$ROCKER" export nosuch
  assert_one_error_line 'No such container or image: nosuch'
}

@test "ps: its help and the man page have every filter that there is" {
  run -1 --separate-stderr "$ROCKER" ps --filter nosuch=x
  assert_one_error_line 'there is name'
  local key known=${stderr##*there is }
  [[ $known == *label* && $known == *restart-policy* ]]
  run -0 "$ROCKER" ps --help
  assert_output --partial "only those: $known"
  local section
  section=$(sed -n '/^\.Ss rocker ps$/,/^\.S[sh]/p' "$REPO/man/rocker.1" | sed -n '/Fl -filter/,/^\.It Fl -format/p')
  for key in ${known//, / }; do
    grep -qE "(^| )$key(\$|[ ,.:])" <<<"$section" || fail "man page: filter $key"
  done
}

@test "an error of the runtime begins with rocker: too" {
  needs overlay
  import_busybox
  run -127 --separate-stderr "$ROCKER" run --rm busybox nosuch </dev/null
  assert_one_error_line nosuch
  [[ $stderr == 'rocker: '* ]]
  run -126 --separate-stderr "$ROCKER" run --rm busybox /etc </dev/null
  [[ $stderr == 'rocker: '* ]]
  "$ROCKER" run -d --name web busybox sleep 1000
  run -127 --separate-stderr "$ROCKER" exec web nosuch </dev/null
  assert_one_error_line nosuch
  [[ $stderr == 'rocker: '* ]]
  # Another runtime is not given options that it does not know.
  printf '#!/bin/sh\necho "$@"\n' >other
  chmod +x other
  ROCKER_RUNTIME=$PWD/other run -0 "$ROCKER" exec web true
  assert_output --regexp '^--root [^ ]* exec '
}

@test "what is not there is named with docker's words" {
  needs overlay
  local line
  for line in 'run nosuch' 'create nosuch' 'rmi nosuch' 'tag nosuch x' 'history nosuch' 'save nosuch' 'image inspect nosuch' \
    'image tree nosuch'; do
    # shellcheck disable=SC2086
    run --separate-stderr "$ROCKER" $line </dev/null
    # shellcheck disable=SC2154  # set by run
    [[ $stderr == 'rocker: '*'No such image'* && ${#stderr_lines[@]} = 1 ]] || fail "$line: $stderr"
  done
  for line in 'volume rm' 'volume inspect'; do
    # shellcheck disable=SC2086
    run -1 --separate-stderr "$ROCKER" $line
    assert_one_error_line "${line}: which volume?"
  done
}

@test "an argument too many is refused, and nothing is done" {
  needs overlay
  import_busybox
  "$ROCKER" create --name kept busybox true
  local line
  for line in 'system prune kept' 'system df x' 'info x' 'version x' 'ps x' 'volume prune x' 'image prune x' 'rmi -x busybox' \
    'save busybox other' 'pause --x kept'; do
    # shellcheck disable=SC2086
    run -1 --separate-stderr "$ROCKER" $line </dev/null
    assert_one_error_line
    [[ $stderr == 'rocker: '* ]] || fail "$line: $stderr"
  done
  for line in 'ps x' 'volume ls x' 'volume ls -q --filter name=y x' 'volume list x' 'volume create first x' 'volume prune -f x' \
    'container prune -f x' 'image prune -f x' 'system df x' 'events x' 'version x' 'doctor x' \
    'images busybox x' 'history busybox x' 'tag busybox new x' 'load x'; do
    # shellcheck disable=SC2086
    run -1 --separate-stderr timeout 10 "$ROCKER" $line </dev/null
    assert_one_error_line '"x" is one argument too many'
  done
  run -0 "$ROCKER" volume ls -q
  assert_output ''
  run -0 "$ROCKER" ps -aq
  assert [ -n "$output" ]
  for line in '--root=' '--root'; do
    run -1 --separate-stderr "$ROCKER" $line
    assert_one_error_line 'rocker: --root: '
  done
  run -1 --separate-stderr "$ROCKER" --root= ps
  assert_one_error_line 'rocker: --root: is empty'
}
