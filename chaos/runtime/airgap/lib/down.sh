# shellcheck shell=bash
# Ending what `up` started, and only that.

# A stopped dockerd gives its containers 10 s; ours have none left by then.
readonly STOP_SECONDS=20

engine_down() {
    local purge=false
    [[ ${1:-} != --purge ]] || { purge=true; shift; }
    (($# == 0)) || usage
    require_home
    if [[ ! -e $MARKER ]]; then
        printf 'engine: nothing to end: %s is not there\n' "$ENGINE_HOME"
        return
    fi
    require_root
    open_state
    rm -f -- "$ENV_FILE"
    # run/before is made before dockerd starts, run/route before the route is added.
    if [[ -n $(daemon_pid) || -e $RUN/before ]]; then
        step containers remove_containers
        step dockerd stop_daemon
        step machine restore
    elif [[ -e $RUN/route ]]; then
        step route remove_guard
    else
        printf 'engine: no engine of ours is up; any other is left alone, with its images\n'
    fi
    if $purge; then
        # Not as a step: its log would be in what is removed.
        unmount_below "$ENGINE_HOME"
        rm -rf --one-file-system -- "$ENGINE_HOME"
        LOCKED=''
        printf 'engine: removed %s\n' "$ENGINE_HOME"
    fi
}

remove_containers() {
    local -a containers networks
    export DOCKER_HOST=$OWN_HOST
    if ! engine_version "$OWN_HOST" >/dev/null && ! revive; then
        DID='dockerd does not come up; only the processes are ended'
        return
    fi
    mapfile -t containers < <(docker ps --all --quiet)
    if ((${#containers[@]} > 0)); then
        logged docker rm --force --volumes "${containers[@]}" || note 'not every container could be removed'
    fi
    mapfile -t networks < <(docker network ls --quiet --filter type=custom)
    if ((${#networks[@]} > 0)); then
        logged docker network rm "${networks[@]}" || note 'not every network could be removed'
    fi
    DID="removed ${#containers[@]} containers, ${#networks[@]} networks"
}

# An engine that was killed, or hangs, leaves records of its containers and networks, which the next one would bring
# back; only an engine can remove them.
revive() {
    local pid
    [[ -s $ENGINE_HOME/storage-driver ]] || return 1
    pid=$(daemon_pid)
    [[ -z $pid ]] || end_processes TERM "$KILL_SECONDS" "$pid" || end_processes KILL "$KILL_SECONDS" "$pid" || return 1
    clear_remains
    choose_iptables
    launch "$(<"$ENGINE_HOME/storage-driver")"
}

stop_daemon() {
    local pid
    pid=$(daemon_pid)
    if [[ -z $pid ]]; then
        DID='dockerd was gone already'
    elif end_processes TERM "$STOP_SECONDS" "$pid"; then
        DID="ended pid $pid"
    else
        end_processes KILL "$KILL_SECONDS" "$pid" ||
            fail 1 "dockerd (pid $pid) does not end" 'look at it with ps; then run it again'
        DID="killed pid $pid, which had not ended within $STOP_SECONDS s"
    fi
    end_leftovers
}

restore() {
    # The engine used this form, so it works here.
    choose_iptables
    restore_machine
    remove_guard
    unmount_below "$ENGINE_HOME"
    rm -rf --one-file-system -- "$RUN"
    DID='bridges, packet rules, kernel settings, route and mounts as they were before'
}
