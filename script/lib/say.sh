# say.sh: messages, steps with progress, and a scratch directory and processes that never outlive the script.
# Sourced by bash scripts under `set -euo pipefail`. Call tidy_begin first.

SCRATCH=        # directory that is removed at the end
SERVICES=()     # process groups to be ended, in order of start
STEP=           # process group of the step under way
STEP_STOP=TERM  # signal that a step is interrupted with
AT_END=()       # functions to be called at the end
HOLDING=0       # a process is being started and not yet in the books: a signal waits
PENDING=0       # exit status of the signal that waits

say() { printf '%s\n' "$*"; }
title() { printf '\n== %s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    warn "${0##*/}: $*"
    exit 1
}

# tidy_begin NAME: makes $SCRATCH and sees to it that every end of the script passes through tidy_end.
tidy_begin() {
    local base=${TMPDIR:-/tmp}
    # A Unix socket's path may have 107 bytes.
    ((${#base} <= 50)) || base=/tmp
    trap 'interrupted 130' INT
    trap 'interrupted 143' TERM
    trap 'interrupted 129' HUP
    trap tidy_end EXIT
    hold
    SCRATCH=$(trap '' INT && mktemp -d "$base/$1.XXXXXX")
    release
    chmod 0711 "$SCRATCH"
}

hold() { HOLDING=1; }
release() {
    HOLDING=0
    ((PENDING == 0)) || exit "$PENDING"
}
interrupted() {
    PENDING=$1
    ((HOLDING)) || exit "$PENDING"
}

tidy_end() {
    local status=$? i
    trap '' INT TERM HUP
    trap - EXIT
    if [[ -n $STEP ]]; then
        end_group "$STEP" "$STEP_STOP" 600
    fi
    for ((i = ${#SERVICES[@]} - 1; i >= 0; i--)); do
        end_group "${SERVICES[i]}" TERM 10
    done
    for ((i = ${#AT_END[@]} - 1; i >= 0; i--)); do
        "${AT_END[i]}" || true
    done
    if [[ -n $SCRATCH ]]; then
        rm -rf -- "$SCRATCH"
    fi
    exit "$status"
}

# A process, whoever owns it.
process_lives() { [[ -d /proc/$1 ]]; }

# signal_group SIGNAL PGID: also where the group runs under sudo. (In a trap a bare "return" gives the status of what the
# trap interrupted.)
signal_group() {
    kill "-$1" -- "-$2" 2>/dev/null && return 0
    process_lives "$2" && ((EUID != 0)) && sudo -n kill "-$1" -- "-$2" 2>/dev/null
}

# end_group PGID SIGNAL SECONDS: asks a process group to end, waits, and in the end insists.
end_group() {
    local group=$1 deadline=$((SECONDS + $3))
    signal_group "$2" "$group" || return 0
    while signal_group 0 "$group" && ((SECONDS < deadline)); do
        sleep 0.05
    done
    signal_group KILL "$group" || true
    wait "$group" 2>/dev/null || true
}

# start_group LOG COMMAND...: runs a command in a process group of its own, so that Ctrl-C reaches this script alone, which
# then ends the command in good order. The group's number is left in $GROUP. Called between hold and release.
start_group() {
    local log=$1
    shift
    set -m
    "$@" </dev/null >"$log" 2>&1 &
    GROUP=$!
    set +m
}

# step TEXT COMMAND...: a long step with its output in a log, progress on the terminal, and the log's end if it fails.
step() {
    local text=$1 log began=$SECONDS status=0
    shift
    log=$(mktemp "$SCRATCH/step.XXXXXX")
    printf '   %s ...' "$text"
    hold
    start_group "$log" "$@"
    STEP=$GROUP
    release
    step_watch
    wait "$STEP" || status=$?
    STEP=
    if ((status != 0)); then
        printf ' failed after %d s:\n\n' "$((SECONDS - began))"
        tail -n 40 "$log" >&2
        return "$status"
    fi
    printf ' done (%d s)\n' "$((SECONDS - began))"
    rm -f "$log"
}

# A dot every two seconds while the step runs.
step_watch() {
    local turn=0
    while process_lives "$STEP"; do
        sleep 0.1
        turn=$((turn + 1))
        if ((turn % 20 == 0)); then
            printf '.'
        fi
    done
}

# service LOG COMMAND...: starts a server that is ended with the script.
service() {
    hold
    start_group "$@"
    SERVICES+=("$GROUP")
    release
}

# await SECONDS TEXT COMMAND...: polls until the command succeeds.
await() {
    local deadline=$((SECONDS + $1)) text=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || die "gave up waiting for $text"
        sleep 0.1
    done
}
