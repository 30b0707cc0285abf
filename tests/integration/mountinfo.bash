# mountinfo.bash - for the tests of mounts: reads what `cat /proc/self/mountinfo` in a container has put into $output.
# shellcheck shell=bash disable=SC2154

# Of the topmost mount at PATH: its own flags ("rw,nosuid"), its propagation ("shared master private unbindable"), its
# type, the options of its superblock.
mount_flags() { awk -v p="$1" '$5 == p { f = $6 } END { print f }' <<<"$output"; } # PATH
mount_propagation() {                                                              # PATH
  awk -v p="$1" '$5 == p { t = ""; for (i = 7; $i != "-"; i++) { sub(":.*", "", $i); t = t (t == "" ? "" : " ") $i } }
    END { print t == "" ? "private" : t }' <<<"$output"
}
mount_type() { awk -v p="$1" '$5 == p { for (i = 7; $i != "-"; i++); t = $(i + 1) } END { print t }' <<<"$output"; }
mount_super() { awk -v p="$1" '$5 == p { for (i = 7; $i != "-"; i++); t = $(i + 3) } END { print t }' <<<"$output"; }

assert_flags() { # PATH FLAGS
  local actual
  actual=$(mount_flags "$1")
  [[ $actual = "$2" ]] || {
    batslib_print_kv_single 8 mount "$1" expected "$2" actual "$actual" | batslib_decorate 'other mount flags' | fail
  }
}
assert_propagation() { # PATH WORDS
  local actual
  actual=$(mount_propagation "$1")
  [[ $actual = "$2" ]] || {
    batslib_print_kv_single 8 mount "$1" expected "$2" actual "$actual" | batslib_decorate 'other propagation' | fail
  }
}
