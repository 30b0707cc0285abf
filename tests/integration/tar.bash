# tar.bash - archives byte by byte, for what no tar tool will make. `load tar` behind `load helpers`.
#
#   {
#     tar_pax path 'naïve/name'
#     tar_entry name=x type=0 mode=644 content=hello
#     tar_end
#   } >evil.tar
# shellcheck shell=bash

# One member. Fields are name= type= mode= uid= gid= size= mtime= link= major= minor= magic= and content= (a string) or
# file= (a path, for the content). Numbers are written as they are given (octal), or, with a leading "=", as raw bytes in
# printf's notation. The size is that of the content unless it is given.
tar_entry() {
  # bats follows each command of a function by a trap, which would take most of the time.
  local -
  set +o functrace
  tar_member "$@"
}

tar_member() {
  local LC_ALL=C field name='' type=0 mode=0000644 uid=0000000 gid=0000000 size='' mtime=14000000000 link='' \
    major=0000000 minor=0000000 magic='ustar\00000' content='' file='' length sum
  for field in "$@"; do local "${field%%=*}=${field#*=}"; done
  length=${#content}
  [[ -z $file ]] || length=$(stat -L -c %s "$file")
  [[ -n $size ]] || printf -v size %011o "$length"
  local fields=(100 "$name" 8 "$mode" 8 "$uid" 8 "$gid" 12 "$size" 12 "$mtime")
  local more=(100 "$link") last=(32 root 32 root 8 "$major" 8 "$minor" 167 '')
  if [[ "$mode$uid$gid$size$mtime$major$minor" != *=* && $magic = 'ustar\00000' ]]; then
    tar_header
  else
    tar_header_by_tools
  fi
  if [[ -n $file ]]; then cat "$file"; else printf %s "$content"; fi
  tar_zeros $(((512 - length % 512) % 512))
}

# The header of the fields of tar_entry, by bash alone: there are thousands of them.
tar_header() {
  local format='' texts=() i j text code
  # Eight spaces in the place of the sum, and the magic.
  sum=$((8 * 32 + 117 + 115 + 116 + 97 + 114 + 48 + 48))
  tar_append "${fields[@]}"
  local front=$format front_texts=("${texts[@]}")
  format='' texts=()
  tar_append 1 "$type" "${more[@]}"
  format+='ustar\00000'
  tar_append "${last[@]}"
  # shellcheck disable=SC2059  # made of %s and \000
  printf "$front" "${front_texts[@]}"
  printf '%06o\000 ' "$sum"
  # shellcheck disable=SC2059
  printf "$format" "${texts[@]}"
}

# Appends fields to format and texts, and what their bytes are to sum.
tar_append() { # [WIDTH TEXT]...
  while [[ $# -gt 0 ]]; do
    text=$2
    # What is too long for a number's field is cut at the front, as no tar would write it.
    [[ $1 != 8 && $1 != 12 ]] || text=${text: -$(($1 - 1 < ${#text} ? $1 - 1 : ${#text}))}
    for ((i = 0; i < ${#text}; i++)); do
      printf -v code %d "'${text:i:1}"
      sum=$((sum + (code & 255)))
    done
    format+=%s
    for ((j = $1 - ${#text}; j > 0; j--)); do format+='\000'; done
    texts+=("$text")
    shift 2
  done
}

# The same where fields are in printf's notation.
tar_header_by_tools() {
  local header
  header=$(mktemp)
  {
    tar_field 100 "$name"
    tar_number 8 "$mode"
    tar_number 8 "$uid"
    tar_number 8 "$gid"
    tar_number 12 "$size"
    tar_number 12 "$mtime"
    printf '        '
    printf %s "$type"
    tar_field 100 "$link"
    # shellcheck disable=SC2059  # the magic is in printf's notation
    printf "$magic"
    tar_field 32 root
    tar_field 32 root
    tar_number 8 "$major"
    tar_number 8 "$minor"
    tar_field 167 ''
  } >"$header"
  sum=$(od -An -v -tu1 "$header" | awk '{ for (i = 1; i <= NF; i++) s += $i } END { print s }')
  head -c 148 "$header"
  printf '%06o\000 ' "$sum"
  tail -c +157 "$header"
  rm -f "$header"
}

tar_zeros() { # COUNT
  local format
  printf -v format '%*s' "$1" ''
  # shellcheck disable=SC2059
  printf "${format// /\\000}"
}

tar_field() { # WIDTH TEXT
  local LC_ALL=C
  printf %s "$2"
  head -c $(($1 - ${#2})) /dev/zero
}

tar_number() { # WIDTH NUMBER
  local LC_ALL=C
  if [[ $2 = =* ]]; then
    # shellcheck disable=SC2059
    printf "${2#=}"
  else
    # What is too long for the field is cut at the front, as no tar would write it.
    tar_field "$1" "${2: -$(($1 - 1 < ${#2} ? $1 - 1 : ${#2}))}"
  fi
}

# A pax header for the member that follows. The value is a string; with file= its bytes are those of a file.
tar_pax() { # KEY VALUE
  local LC_ALL=C key=$1 value=$2 length total
  length=$((${#key} + ${#value} + 3))
  total=$((length + ${#length}))
  [[ $((length + ${#total})) = "$total" ]] || total=$((length + ${#total}))
  tar_entry name=PaxHeaders/x type=x content="$total $key=$value
"
}

tar_end() { head -c 1024 /dev/zero; }

# A pax record whose value is given in printf's notation (NUL as \000), as a header for the member that follows.
tar_pax_bytes() { # KEY VALUE
  local LC_ALL=C key=$1 length total record
  record=$(mktemp)
  # shellcheck disable=SC2059  # the value is in printf's notation
  length=$((${#key} + $(printf "$2" | wc -c) + 3))
  total=$((length + ${#length}))
  [[ $((length + ${#total})) = "$total" ]] || total=$((length + ${#total}))
  # shellcheck disable=SC2059
  { printf '%s %s=' "$total" "$key"; printf "$2"; echo; } >"$record"
  tar_entry name=PaxHeaders/x type=x file="$record"
  rm -f "$record"
}

# ---- what becomes of an archive

import_ok() { # TAR [OPTION...]: sets root
  local tar=$1
  shift
  run --separate-stderr rocker_image import "$@" "$tar" x
  assert_success
  # shellcheck disable=SC2034  # for the test
  root=$(rocker_image path x)
}

refused() { # TAR PART [OPTION...]: in one line, and nothing is left
  local tar=$1 part=$2
  shift 2
  run --separate-stderr rocker_image import "$@" "$tar" x
  assert_failure 1
  assert_one_error_line "$part"
  assert [ ! -e "$ROCKER_ROOT/images/x" ]
  assert_equal "$(ls -A "$ROCKER_ROOT/tmp")" ''
}
