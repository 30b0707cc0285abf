#!/usr/bin/env bats
# import: a progress bar on a terminal, lines or JSON where they are asked for, nothing on a pipe.
load helpers

# An archive whose decompression takes a second: bzip2 is slow, and worst at what can't be compressed.
slow_archive() {
  mkdir -p tree
  local i
  for i in {1..30}; do head -c 1M /dev/urandom >"tree/$i"; done
  tar -cf - -C tree . | bzip2 -1 >slow.tar.bz2
}

quick_archive() {
  mkdir -p tree
  echo x >tree/f
  tar -cf quick.tar -C tree .
}

on_terminal() { # COMMAND: what it writes to a terminal, byte by byte, in the file typescript
  timeout -s KILL 120 script -q -e -c "$1" typescript </dev/null >/dev/null
}

@test 'a bar on a terminal, that grows and is gone at the end' {
  needs command script
  slow_archive
  on_terminal "stty cols 100; '$ROCKER_IMAGE' import slow.tar.bz2 x"
  tr '\r' '\n' <typescript >lines
  grep -c $'\x1b\\[K\\[=*> *\\] [0-9]*% [0-9.]*MB of [0-9.]*MB, [0-9.]*MB/s, [0-9]* entr[a-z]*, [0-9]*:[0-9][0-9] left$' lines >count
  assert [ "$(cat count)" -ge 2 ]
  # It never goes back.
  sed -n 's/.*\] \([0-9]*\)% .*/\1/p' lines >percents
  sort -n -c percents
  assert [ "$(tail -n 1 percents)" -gt "$(head -n 1 percents)" ]
  # The line was taken away before the last one.
  grep -q $'^\x1b\\[KImported x:latest' lines
}

@test 'a narrow terminal: no line wraps' {
  needs command script
  slow_archive
  on_terminal "stty cols 40; '$ROCKER_IMAGE' import slow.tar.bz2 x"
  tr '\r' '\n' <typescript | sed -n $'s/^\x1b\\[K//p' | grep % >lines
  assert [ "$(wc -l <lines)" -ge 1 ]
  assert [ "$(awk '{ print length }' lines | sort -n | tail -n 1)" -le 39 ]
}

@test 'what is over in half a second shows nothing, and neither does --progress=none or --quiet' {
  needs command script
  quick_archive
  on_terminal "'$ROCKER_IMAGE' import quick.tar x"
  refute grep -q $'\x1b' typescript
  grep -q '^Imported x:latest' typescript
  slow_archive
  for option in --progress=none --quiet; do
    on_terminal "'$ROCKER_IMAGE' import $option slow.tar.bz2 x"
    refute grep -q $'\x1b' typescript
    refute grep -q entries typescript
  done
}

@test 'Ctrl-C takes the bar away, and the import with it' {
  needs command tmux
  mkfifo in
  terminal "ROCKER_ROOT=$ROCKER_ROOT $ROCKER_IMAGE import in x"
  exec 7>in
  mkdir tree
  head -c 9M /dev/zero >tree/zeros
  tar -cf - -C tree . | head -c 5M >&7
  sleep 0.6
  head -c 1M /dev/zero >&7
  wait_for_screen '^[0-9.]*MB, .*/s, [0-9]* entr'
  type_keys C-c
  wait_for_screen '\[status 130\]'
  screen | grep -q '^rocker-image: Import failed: in: .*interrupted$'
  refute screen_has '/s, '
  exec 7>&-
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}

@test 'nothing on a pipe, unless it is asked for' {
  slow_archive
  run --separate-stderr rocker_image import slow.tar.bz2 x
  assert_success
  # shellcheck disable=SC2154
  assert_equal "$stderr" ''
}

@test '--progress=json: one object a line, with all that a bar needs' {
  slow_archive
  run --separate-stderr rocker_image import --progress=json slow.tar.bz2 x
  assert_success
  # shellcheck disable=SC2154
  assert [ "${#stderr_lines[@]}" -ge 1 ]
  size=$(stat -c %s slow.tar.bz2)
  assert_equal true "$(jq -c --argjson s "$size" '.what == "slow.tar.bz2" and .total == $s and .bytes > 0 and .bytes <= $s and
    .bytes_per_second > 0 and .entries >= 0 and .seconds_left >= 0' <<<"$stderr" | sort -u)"
}

@test '--progress=json and plain of a pipe, whose length nobody knows' {
  mkdir tree
  head -c 9M /dev/zero >tree/zeros
  tar -cf t.tar -C tree .
  mkfifo $'in\e[31m'
  for style in json plain; do
    { head -c 5M t.tar; sleep 1.2; tail -c +5242881 t.tar; } >$'in\e[31m' &
    run --separate-stderr rocker_image import --progress=$style $'in\e[31m' x
    assert_success
    # A name can't write to the terminal.
    refute grep -q $'\x1b' <<<"$stderr"
    case $style in
      json) assert_json '.what, .entries, (.bytes > 5000000), .total, .seconds_left' $'"in\\u001b[31m"\n2\ntrue\nnull\nnull' <(head -n 1 <<<"$stderr") ;;
      plain) [[ ${stderr_lines[0]} == 'in\x1b[31m: '*'MB, '*'MB/s, 2 entries' ]] ;;
    esac
  done
}

@test 'a style that there is not' {
  quick_archive
  run --separate-stderr rocker_image import --progress=dots quick.tar x
  assert_failure 1
  assert_one_error_line '--progress: "dots"'
}
