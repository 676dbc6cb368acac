# shellcheck shell=bash
# Long commands run as children in a session of their own: a Ctrl-C reaches this script, and the script decides.

CHILD=''        # pid of the command at work, which is also its process group
readonly REPORTED=70  # exit code of a defect that has been reported (EX_SOFTWARE)
readonly CLEANUP_SECONDS=20  # mmdebstrap has been seen to take 2 s to unmount and remove its stage
UNBROKEN=false  # true while an interruption must wait for the child, because half of its work would be worse than none

# logged COMMAND...: runs it with its output in the step's log; its exit code is the command's.
logged() {
    local code=0
    setsid "$@" </dev/null >>"${STEP_LOG:-/dev/null}" 2>&1 &
    CHILD=$!
    wait "$CHILD" || code=$?
    CHILD=''
    return "$code"
}

# end_group LEADER: what the leader leaves is given time to clean up after itself (mmdebstrap unmounts), then killed.
end_group() {
    local -a members
    mapfile -t members < <(processes_of_session "$1")
    end_processes 0 "$CLEANUP_SECONDS" "${members[@]}" || end_processes KILL "$KILL_SECONDS" "${members[@]}" || true
}

interrupted() {
    trap '' INT TERM HUP
    if [[ -n $CHILD ]]; then
        if $UNBROKEN; then
            note 'interrupted; waiting for the package manager to end, so that nothing is left half-installed'
        else
            kill -TERM -- "-$CHILD" 2>/dev/null || true
        fi
        wait "$CHILD" || true
        end_group "$CHILD"
        CHILD=''
    fi
    printf 'engine: interrupted in step %s; the same command goes on from there\n' "$STEP" >&2
    exit 130
}

# unexpected CODE LINE COMMAND: for what `set -e` catches. Subshells report first; the shells around them only end.
unexpected() {
    trap - ERR
    (($1 != REPORTED)) || exit "$REPORTED"
    printf 'engine: %s: unexpected failure at %s:%s: %s\n' "$STEP" "${BASH_SOURCE[1]##*/}" "$2" "$3" >&2
    fail "$REPORTED" "exit code $1" 'this is a defect of the script: please report these lines'
}

watch_signals() {
    trap interrupted INT TERM HUP
    trap 'unexpected "$?" "$LINENO" "$BASH_COMMAND"' ERR
    trap at_exit EXIT
}

at_exit() {
    release_services
    [[ -z ${LOCKED:-} ]] || clear_tmp
}
