# The documents: what stands in them as a command is run, and what they say of the programs is held against --help.
load helpers

# Types the commands of spec/tutorial.md, with the folder and the group of this test in place of the tutorial's, and
# an extra one before the container is left. The shell inside reads ahead: what is for the one outside waits for it.
tutorial() { # COMMAND-INSIDE
  sed -n 's/^    //p' "$REPO/spec/tutorial.md" | while read -r line; do
    line=${line//\/tmp\/byhand/$TEST_DIR\/byhand}
    line=${line//\/byhand; mkdir/\/$TEST_TAG; mkdir}
    line=${line//%\/byhand/%\/$TEST_TAG}
    if [[ $line = exit ]]; then
      echo "$1; touch /left; exit"
      wait_until 20 test -e "$TEST_DIR/byhand/upper/left"
    else
      echo "$line"
    fi
  done
}

@test "the tutorial's commands make a container, and leave nothing" {
  needs overlay
  needs controller memory
  mkdir work
  cd work
  busybox_tar >/dev/null
  ln -s "$REPO/base-image" base-image
  # shellcheck disable=SC2016
  tutorial 'echo "pid $$ host $(hostname) links $(ip link | grep -c ^[0-9]) procs $(ls -d /proc/[0-9]* | wc -l)";
    ls /; cat /proc/kcore | wc -c; echo x > /proc/sys/kernel/hostname; tail /dev/zero; echo "tail $?"' |
    bash >typed 2>&1
  run cat typed
  assert_success
  assert_line --partial 'pid 1 host byhand'
  assert_line 0 # bytes of /proc/kcore
  assert_line --partial "can't create /proc/sys/kernel/hostname: Read-only file system"
  assert_line 'tail 137'
  refute_line --partial work
  assert_no_leftovers
}

# The options of each command, from --help: "COMMAND OPTION" a line.
options_of() { # PROGRAM
  local command
  "$1" --help | awk '/^Commands:/ { on = 1; next } /^[^ ]/ { on = 0 } on && /^  [a-z]/ { print $1 }' | while read -r command; do
    { "$1" "$command" --help 2>/dev/null || :; } | grep -oE '^ +-[^ ]*(, --[a-z0-9-]+)?' | grep -oE -- '--[a-z0-9][a-z0-9-]*' |
      grep -vxE -- '--help' | sed "s/^/$command /" || :
  done
}

@test "rocker-runc(8) has every command and option of --help, and no other" {
  needs command mandoc
  # Bold is a letter over itself.
  mandoc -T ascii "$REPO/man/rocker-runc.8" | sed $'s/.\b//g' >page
  options_of "$ROCKER_RUNC" >options
  # Those of a command whose section is missing.
  sed -nE 's/^   ([a-z][a-z-]*).*/\1/p' page | sort -u >sections
  assert_equal "$(cut -d' ' -f1 options | sort -u | comm -23 - sections)" ''
  words() { grep -ohE -- '--[a-z0-9][a-z0-9-]+' "$@" | sort -u; }
  words page | grep -vxE -- '--network|--runtime' >of_page
  cut -d' ' -f2 options | sort -u >of_commands
  assert [ "$(wc -l <of_commands)" -gt 20 ]
  # In --help and not in the page.
  assert_equal "$(comm -23 of_commands of_page)" ''
  # In the page and in no --help.
  "$ROCKER_RUNC" --help >help
  assert_equal "$(words help options | comm -13 - of_page)" ''
}

# What bash offers for the end of the line.
complete() { # LINE
  PATH=$BUILD:$PATH bash -c 'compopt() { :; }
    source "./$1.sh"; COMP_LINE=$2 COMP_POINT=${#2}; "_${2%%[- ]*}_$3" "${2%% *}"; printf "%s\n" "${COMPREPLY[@]}"' - "$@"
}

@test "completion for bash knows commands, options, values, images and containers" {
  "$REPO/scripts/make-completion" "$ROCKER_IMAGE" >image.sh
  "$REPO/scripts/make-completion" "$ROCKER_RUNC" >runc.sh
  import_busybox busybox
  import_busybox alpine:3.18
  run complete image 'rocker-image ' image
  assert_line import
  assert_line bundle
  run complete image 'rocker-image rm b' image
  assert_output busybox
  run complete image 'rocker-image rm alpine:' image
  assert_output 3.18
  run complete image 'rocker-image --root /nowhere rm ' image
  assert_output ''
  run complete image 'rocker-image bundle busybox x --mem' image
  assert_line --partial --memory
  run complete runc 'rocker-runc list --format ' runc
  assert_output $'table\njson'
  mkdir -p b/rootfs
  run complete runc 'rocker-runc run --bundle b' runc
  assert_line b
  make_bundle c '.process.args = ["sleep", "100"]'
  run_detached "$(new_id)" c
  run complete runc "rocker-runc --root $RUNC_ROOT kill " runc
  assert_output "$(new_id)"
  run complete runc "rocker-runc --root $RUNC_ROOT kill $(new_id) T" runc
  assert_output TERM
}
