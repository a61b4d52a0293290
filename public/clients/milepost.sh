# Reports a job to a Milepost server from a POSIX shell, for machines that take no binary. Needs curl 7.55 or later.
#
#     . ./milepost.sh
#     milepost_start nightly-backup "Nightly backup"
#     for i in 1 2 3; do
#         copy_part $i
#         milepost_progress "$i/3 parts" || exit 130      # cancelled on the server
#     done
#     milepost_log "all parts are copied"
#     milepost_finish 0
#
# Or around a program, with its exit code as the result and without its output:
#
#     milepost_run nightly-backup pg_dump shop
#
# The address is MILEPOST_URL; the token is MILEPOST_TOKEN or in the file MILEPOST_TOKEN_FILE. It is passed to curl by a
# file descriptor, so that no process list shows it. Without an address everything is inert. Nothing fails because of the
# server: the only failure is that of milepost_progress and milepost_check after a request to cancel.

# Sends a signal: milepost_signal NAME [CURL-ARGUMENTS...]. Prints the response.
milepost_signal() {
    [ -n "${MILEPOST_URL:-}" ] && [ -n "${MILEPOST_KIND:-}" ] || return 0
    milepost_address="${MILEPOST_URL%/}/api/v1/report/$MILEPOST_KIND/$MILEPOST_RUN/$1"
    shift
    milepost_token=${MILEPOST_TOKEN:-}
    if [ -z "$milepost_token" ] && [ -r "${MILEPOST_TOKEN_FILE:-}" ]; then
        IFS= read -r milepost_token < "$MILEPOST_TOKEN_FILE" || :
    fi
    milepost_header=
    [ -z "$milepost_token" ] || milepost_header="header = \"Authorization: Bearer $milepost_token\""
    # Only the end is worth a wait for a server that restarts.
    case $milepost_address in */finish) milepost_retries=2 ;; *) milepost_retries=0 ;; esac
    curl -q -fsS -m 5 --retry $milepost_retries --retry-connrefused -K /dev/fd/3 "$@" "$milepost_address" \
        2> /dev/null 3<< END || :
$milepost_header
END
    unset milepost_token milepost_header
}

# Begins a run: milepost_start KIND [TITLE] [RUN].
milepost_start() {
    MILEPOST_KIND=$1
    MILEPOST_RUN=${3:-$(milepost_run_id)}
    milepost_part=0
    milepost_ended=
    milepost_signal start --data-urlencode "title=${2:-}" --data-urlencode "host=$(uname -n)" -d "pid=$$" \
        -d agent=milepost.sh/1 > /dev/null
}

# Reports progress: milepost_progress "3/10 files" or "42%". Fails after a request to cancel.
milepost_progress() {
    case $(milepost_signal progress --data-raw "$1") in
        cancel*) milepost_cancelled ;;
    esac
}

# Adds lines to the log: milepost_log TEXT, or from standard input without it. A repeated request doubles no line.
milepost_log() {
    milepost_part=$((${milepost_part:-0} + 1))
    if [ $# -gt 0 ]; then
        printf '%s\n' "$*" | milepost_signal "log?part=$milepost_part" --data-binary @- > /dev/null
    else
        milepost_signal "log?part=$milepost_part" --data-binary @- > /dev/null
    fi
}

# Ends the run: milepost_finish [EXIT-CODE] [MESSAGE].
milepost_finish() {
    [ -z "${milepost_ended:-}" ] || return 0
    milepost_ended=yes
    milepost_signal finish -d "exit_code=${1:-0}" ${2:+--data-urlencode "message=$2"} > /dev/null
}

# Runs a program as a job: milepost_run KIND PROGRAM [ARGUMENTS...]. Returns its exit code.
milepost_run() {
    milepost_kind=$1
    shift
    (milepost_start "$milepost_kind" && "$@"; milepost_code=$?; milepost_finish $milepost_code; exit $milepost_code)
}

milepost_cancelled() {
    milepost_ended=yes
    milepost_signal finish -d state=cancelled > /dev/null
    return 1
}

milepost_run_id() {
    if [ -r /proc/sys/kernel/random/uuid ]; then
        cat /proc/sys/kernel/random/uuid
    else
        printf '%s-%s-%s\n' "$(date +%Y%m%dT%H%M%S)" "$$" "$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')"
    fi
}
