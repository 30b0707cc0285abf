# shellcheck shell=sh
# The names that this file does not set are set by rocker, or by eval of what rocker-image answers.
# shellcheck disable=SC2154
# run, create, start, restart, exec, attach: the verbs that bring a process to life. Sourced by rocker.
#
# rocker-image makes the container and answers with facts about it as assignments, quoted so that eval can read them:
# id, name, dir (its folder, a bundle), run (where the runtime keeps its state), direct, detach, pidfile, tty, keys and
# memory (for the client that attaches); "$@" becomes what conmon is told about this container beside what all have in common.

# Before anything is made that would be left behind.
needs_runtime() { # VERB
  ! command -v "$runtime" >/dev/null || return 0
  case $1 in
    run | exec) status=125 ;;
    start | restart) status=1 ;;
    *) return 0 ;; # create and attach do without
  esac
  fail $status "the runtime $runtime is missing or not executable - install rocker-runc, or set ROCKER_RUNTIME to its path"
}

rocker_run() {
  facts=$(ask run "$@") || run_failed $? "$facts"
  eval "$facts"
  # Nobody needs to watch a container that is gone at its end and writes to our own output: signals reach it, and its
  # poststop hook cleans up.
  [ -z "$direct" ] || hand_over --root "$run" run --bundle "$dir" --pid-file "$dir/pid" "$id"
  watch "$@"
  if [ -n "$detach" ]; then
    start_created
    echo "$id"
  else
    [ -z "$pidfile" ] || cp "$dir/pid" "$pidfile"
    exec "$attach" ${tty:+--tty} --detach-keys "$keys" --name "$name" --memory "$memory" \
      --start "$runtime" "$run" --failed "$image" --root "$root" "$dir" "$id"
  fi
}

# Becomes the runtime. rocker-runc then speaks as rocker, tells its own errors from the command's, and lets go at the
# fourth Ctrl-C, as docker's client does; another one can do none of these.
hand_over() { # ARGUMENT...
  case ${runtime##*/} in
    rocker-runc) exec "$runtime" --program rocker --error-status 125 --interrupts 4 "$@" ;;
    *) exec "$runtime" "$@" ;;
  esac
}

# --help was printed, or an error.
run_failed() { # STATUS OUTPUT
  [ "$1" = 2 ] || exit "$1"
  printf '%s\n' "$2"
  exit 0
}

rocker_create() {
  facts=$(ask create "$@") || run_failed $? "$facts"
  echo "$facts"
}

rocker_start() {
  facts=$(ask start "$@") || run_failed $? "$facts"
  eval "$facts"
  [ -z "$attached" ] || start_attached "$1"
  start_all "$@"
}

rocker_restart() {
  facts=$(ask restart "$@") || run_failed $? "$facts"
  eval "$facts"
  start_all "$@"
}

start_all() { # CONTAINER...
  status=${status:-0}
  for container; do
    # In a subshell: one that fails must not keep the others from starting.
    (
      facts=$(ask begin "$container") || exit 1
      eval "$facts"
      if [ -n "$running" ]; then
        # One that runs already gets its unit all the same.
        manager=${NOTIFY_SOCKET-}
        tell_manager
        exit 0
      fi
      watch "$@"
      start_created
    ) && echo "$container" || status=1
  done
  exit "$status"
}

start_attached() { # CONTAINER
  facts=$(ask begin "$1" attached) || exit 1
  eval "$facts"
  [ -z "$running" ] || rocker_attach "$1"
  watch "$@"
  exec "$attach" ${tty:+--tty} ${silent:+--no-stdin} --detach-keys "${given_keys:-$keys}" \
    --name "$name" --memory "$memory" --start "$runtime" "$run" --failed "$image" --root "$root" "$dir" "$id"
}

rocker_attach() {
  facts=$(ask attach "$@") || run_failed $? "$facts"
  eval "$facts"
  exec "$attach" ${tty:+--tty} ${silent:+--no-stdin} --detach-keys "$keys" --name "$name" --memory "$memory" \
    "$dir" "$id"
}

# Has conmon make the container and watch it from then on. It answers on a FIFO when the runtime is done.
watch() { # CONMON-ARGUMENT...
  # The service manager that started us hears from us and not from the container, which would have to know of it.
  manager=${NOTIFY_SOCKET-}
  unset NOTIFY_SOCKET
  # Opened for both first, since the ends of a FIFO wait for each other; conmon alone may keep the writing end, so that
  # its death is an end of file. Not in the background with "&": what the shell starts so has SIGINT ignored, down to
  # the container's processes. conmon puts itself there.
  # shellcheck disable=SC2094
  exec 3<>"$dir/sync" 4<"$dir/sync"
  # In the container's folder: conmon writes a file "oom" where it is started.
  (cd "$dir" && _OCI_SYNCPIPE=3 exec conmon --api-version 1 -c "$id" -u "$id" -n "$name" -r "$runtime" \
    --runtime-arg --root --runtime-arg "$run" -b "$dir" -p "$dir/pid" -P "$dir/conmon.pid" \
    --exit-dir "$dir/exit" --persist-dir "$dir/persist" --full-attach --no-sync-log "$@" \
    --exit-command "$image" --exit-command-arg --root --exit-command-arg "$root" \
    --exit-command-arg container --exit-command-arg ended --exit-command-arg "$id" \
    --exit-command-arg --runtime --exit-command-arg "$runtime" \
    --exit-command-arg --rocker --exit-command-arg "$self" \
    4<&- </dev/null >/dev/null 2>"$dir/conmon.err")
  exec 3>&-
  read -r answer <&4 || answer=$(cat "$dir/conmon.err" 2>/dev/null)
  exec 4<&-
  if [ -s "$dir/pid" ]; then
    # The check of its health lives beside the container and ends with it.
    [ -z "$check" ] || "$image" --root "$root" container health "$id" </dev/null >/dev/null 2>&1 &
    return 0
  fi
  ask failed "$id" "$answer"
  exit
}

start_created() {
  [ -z "$pidfile" ] || cp "$dir/pid" "$pidfile"
  problem=$("$runtime" --root "$run" start "$id" 2>&1) || {
    ask failed "$id" "$problem"
    exit
  }
  tell_manager
}

# In a unit of Type=notify, conmon is the process that lives as long as the container and has its exit status.
tell_manager() {
  [ -z "$manager" ] || NOTIFY_SOCKET=$manager systemd-notify READY=1 "MAINPID=$(cat "$dir/conmon.pid")" ||
    printf 'rocker: container %s runs, but the service manager was not told\n' "$name" >&2
}

rocker_exec() {
  facts=$(ask exec "$@") || run_failed $? "$facts"
  eval "$facts"
  hand_over "$@"
}
