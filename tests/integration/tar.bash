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
  local field name='' type=0 mode=0000644 uid=0000000 gid=0000000 size='' mtime=14000000000 link='' major=0000000 \
    minor=0000000 body magic='ustar\00000' content='' file='' header sum length
  for field in "$@"; do local "${field%%=*}=${field#*=}"; done
  header=$(mktemp)
  body=$(mktemp)
  if [[ -n $file ]]; then cat "$file" >"$body"; else printf %s "$content" >"$body"; fi
  length=$(stat -c %s "$body")
  [[ -n $size ]] || size=$(printf %011o "$length")
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
  cat "$body"
  head -c $(((512 - length % 512) % 512)) /dev/zero
  rm -f "$header" "$body"
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
