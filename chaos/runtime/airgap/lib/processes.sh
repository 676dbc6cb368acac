# shellcheck shell=bash
# Which processes are ours: told by their arguments and cgroups, never by a name or a remembered pid.

# A killed process is gone within milliseconds; one that waits for a disk takes longer.
readonly KILL_SECONDS=5

# processes_with PREFIX: pids of the processes that have an argument which begins so.
processes_with() {
    local prefix=$1 file argument
    local -a arguments
    for file in /proc/[0-9]*/cmdline; do
        arguments=()
        { mapfile -d '' -t arguments <"$file"; } 2>/dev/null || continue
        for argument in "${arguments[@]}"; do
            if [[ $argument == "$prefix"* ]]; then
                file=${file#/proc/}
                printf '%s\n' "${file%/cmdline}"
                break
            fi
        done
    done
}

# processes_of_session LEADER: those that live in the session which the leader began, itself included.
processes_of_session() {
    local file stat session
    for file in /proc/[0-9]*/stat; do
        { read -r stat <"$file"; } 2>/dev/null || continue
        # The name, in brackets, may hold spaces; after it: state, parent, group, session.
        read -r _ _ _ session _ <<<"${stat##*) }"
        [[ $session != "$1" ]] || printf '%s\n' "${stat%% *}"
    done
}

daemon_pid() {
    local -a found
    mapfile -t found < <(processes_with "--pidfile=$RUN/docker.pid")
    printf '%s' "${found[0]:-}"
}

# Ids of the engine's containers, running or not, as its data directory has them.
container_ids() {
    local directory
    for directory in "$ENGINE_HOME"/data/containers/*/; do
        [[ ! -d $directory ]] || basename -- "$directory"
    done
}

# Processes inside the engine's containers: their cgroup's path holds the container's id.
container_processes() {
    local file
    local -a ids
    mapfile -t ids < <(container_ids)
    ((${#ids[@]} > 0)) || return 0
    while IFS=/ read -r _ _ file _; do
        printf '%s\n' "$file"
    done < <(grep -ls "${ids[@]/#/-e}" /proc/[0-9]*/cgroup || true)
}

# The empty cgroups that containers leave when their engine did not end them.
remove_cgroups() {
    local id
    while IFS= read -r id; do
        find /sys/fs/cgroup -depth -type d -path "*/docker*$id*" -exec rmdir -- {} + 2>/dev/null || true
    done < <(container_ids)
}

# end_processes SIGNAL SECONDS PID...: waits until they are gone; fails when some are left.
end_processes() {
    local signal=$1 deadline=$((SECONDS + $2)) pid
    shift 2
    (($# > 0)) || return 0
    kill "-$signal" -- "$@" 2>/dev/null || true
    for pid in "$@"; do
        while [[ -d /proc/$pid ]] && ! grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status"; do
            ((SECONDS < deadline)) || return 1
            sleep 0.05
        done
    done
}

# What a dockerd that was killed leaves: containerd, its shims, the containers' own processes and cgroups.
end_leftovers() {
    local -a found
    mapfile -t found < <(container_processes)
    end_processes KILL "$KILL_SECONDS" "${found[@]}" || true
    # Shims and containerd alone know how to end in order; what does not within the time is killed.
    mapfile -t found < <(processes_with "$RUN/exec/")
    if ! end_processes TERM "$KILL_SECONDS" "${found[@]}"; then
        mapfile -t found < <(processes_with "$RUN/exec/")
        end_processes KILL "$KILL_SECONDS" "${found[@]}" ||
            fail 1 "processes ${found[*]} do not end" 'look at them with ps; then run it again'
    fi
    remove_cgroups
}
