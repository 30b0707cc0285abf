#!/usr/bin/env bats
# Help, completion and man page say the same, since one table says it.

load helpers

@test "every verb has a --help, and the man page has every verb and option" {
  run -0 "$ROCKER_IMAGE" container complete tables
  local kind verb option _
  while IFS=$'\t' read -r kind verb option _; do
    case $kind in
      verb)
        # shellcheck disable=SC2086  # two words are two arguments
        "$ROCKER" ${verb} --help | grep -q '^Usage: rocker' || fail "rocker $verb --help"
        grep -qx ".Ss rocker $verb" "$REPO/man/rocker.1" || fail "man page: $verb"
        ;;
      option)
        [[ $verb = create ]] || grep -qE "^\.It .*Fl -${option#--}( |$)" "$REPO/man/rocker.1" || fail "man page: $verb $option"
        ;;
    esac
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
