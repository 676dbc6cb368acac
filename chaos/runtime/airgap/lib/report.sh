# shellcheck shell=bash
# What the user sees: one line a step, and errors that say what was found and what to do about it.

STEP=engine STEP_LOG='' LOG_NAME='' STEP_START=0 DID=''
readonly LOG_TAIL_LINES=20

usage() {
    sed -n '4,9s/^#   //p' "$AIRGAP/engine.sh" >&2
    exit 2
}

# fail CODE FOUND [REMEDY]: ends the command, below the last lines of the step's log.
fail() {
    local code=$1 found=$2 remedy=${3:-}
    if [[ -s $STEP_LOG ]]; then
        printf -- '--- last lines of %s\n' "${LOG_NAME:-$STEP_LOG}" >&2
        tail -n "$LOG_TAIL_LINES" -- "$STEP_LOG" >&2
        printf -- '---\n' >&2
    fi
    printf 'engine: %s: %s\n' "$STEP" "$found" >&2
    [[ -z $remedy ]] || printf 'engine: remedy: %s\n' "$remedy" >&2
    exit "$code"
}

note() { printf 'engine: %s: %s\n' "$STEP" "$*" >&2; }

microseconds() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

say() { # NAME WHAT SINCE: SINCE in microseconds
    local spent=$(($(microseconds) - $3))
    printf '%-10s %-62s %4d.%d s\n' "$1" "$2" $((spent / 1000000)) $((spent / 100000 % 10))
}

# step NAME FUNCTION [ARGUMENT...]: the function sets DID to what it did; left alone, there was nothing to do.
step() {
    STEP=$1 DID='already there' STEP_START=$(microseconds) STEP_LOG=$LOGS/$1.log
    : >"$STEP_LOG"
    shift
    "$@"
    say "$STEP" "$DID" "$STEP_START"
}
