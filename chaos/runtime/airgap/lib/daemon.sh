# shellcheck shell=bash
# Which engine is used, and starting one of our own beside whatever else the machine runs.

readonly OWN_HOST=unix://$RUN/docker.sock
readonly DEFAULT_HOST=unix:///var/run/docker.sock
# dockerd answers after 0.2 to 1 s; after a kill, with containers to clean up, it has been seen to take 3 s.
readonly START_SECONDS=30
readonly POLL_SECONDS=0.05

readonly GIVEN_HOST=${DOCKER_HOST:-}
# A client's context or TLS settings would send it elsewhere.
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH

# engine_version HOST: prints the server's version; fails when nothing answers there.
engine_version() {
    command -v docker >/dev/null || return 1
    DOCKER_HOST=$1 timeout 5 docker version --format '{{.Server.Version}}' 2>/dev/null
}

# choose_engine sets ENGINE to `own` or `existing`, and DOCKER_HOST. One that we started goes first, then one that the
# caller names, then the machine's; else one will be started. Without a client a socket is taken at its word: the
# client is installed, and asked again.
choose_engine() {
    local given=$GIVEN_HOST
    ENGINE=own
    export DOCKER_HOST=$OWN_HOST
    [[ -z $(daemon_pid) ]] || return 0
    if [[ -n $given && $given != "$OWN_HOST" ]]; then
        [[ $given == unix://* ]] ||
            fail 1 "DOCKER_HOST is $given; only an engine of this machine (unix://) can be prepared" 'unset DOCKER_HOST'
        seems_up "$given" || fail 1 "DOCKER_HOST is $given and no engine answers there" \
            'unset DOCKER_HOST to have an engine started, or start that one'
        ENGINE=existing DOCKER_HOST=$given
    elif seems_up "$DEFAULT_HOST"; then
        ENGINE=existing DOCKER_HOST=$DEFAULT_HOST
    else
        refuse_rival
    fi
}

seems_up() { # HOST
    if command -v docker >/dev/null; then engine_version "$1" >/dev/null; else [[ -S ${1#unix://} ]]; fi
}

use_existing() { DID="$(engine_version "$DOCKER_HOST") answers at $DOCKER_HOST; only images are added to it"; }

start_daemon() {
    local pid driver
    pid=$(daemon_pid)
    if [[ -n $pid ]]; then
        wait_for_daemon "$pid" || fail 1 "dockerd (pid $pid) does not answer at $OWN_HOST" \
            'run engine.sh down, then up again'
        return
    fi
    clear_remains
    choose_iptables
    record_machine
    small_tables
    # A driver once chosen stays: the images are stored in its form.
    for driver in $(cat -- "$ENGINE_HOME/storage-driver" 2>/dev/null || printf 'overlay2 vfs'); do
        if launch "$driver"; then
            printf '%s\n' "$driver" >"$ENGINE_HOME/storage-driver"
            DID="started $(engine_version "$OWN_HOST"), $driver, pid $(daemon_pid)"
            return
        fi
        [[ $driver == overlay2 ]] || break
        grep -qiE 'storage-driver|graphdriver|overlay' "$LOGS/daemon.log" || break
        note "overlay2 does not work below $ENGINE_HOME; trying vfs: slower, with a full copy of every layer"
    done
    STEP_LOG=$LOGS/daemon.log
    fail 1 'dockerd did not come up' \
        'see its lines above; it needs cgroups, overlay and nat, so inside a container that one must be privileged'
}

# launch DRIVER: in a session of its own, without our lock, and fails when it ends or does not answer.
launch() {
    local pid
    [[ ! -e $LOGS/daemon.log ]] || mv -- "$LOGS/daemon.log" "$LOGS/daemon.log.1"
    # The machine's own daemon.json is for another engine, and dockerd refuses what stands both there and here.
    printf '{}\n' >"$RUN/daemon.json"
    # Of its own, for it outlives this command, whose temporary directory is removed: `docker exec` needs one.
    mkdir -p -- "$RUN/tmp"
    TMPDIR=$RUN/tmp setsid dockerd --config-file="$RUN/daemon.json" --data-root="$ENGINE_HOME/data" --exec-root="$RUN/exec" \
        --pidfile="$RUN/docker.pid" --host="$OWN_HOST" --storage-driver="$1" \
        --default-address-pool="base=$POOL,size=24" \
        </dev/null >"$LOGS/daemon.log" 2>&1 9>&- &
    pid=$!
    wait_for_daemon "$pid" && return
    end_processes TERM "$KILL_SECONDS" "$pid" || end_processes KILL "$KILL_SECONDS" "$pid" || true
    rm -f -- "$RUN/docker.pid"
    return 1
}

# Of an engine that was killed: processes, mounts, socket and pidfile.
clear_remains() {
    end_leftovers
    unmount_below "$ENGINE_HOME/data"
    unmount_below "$RUN/exec"
    rm -rf --one-file-system -- "$RUN/docker.pid" "$RUN/docker.sock" "$RUN/exec"
}

wait_for_daemon() { # PID
    local deadline=$((SECONDS + START_SECONDS))
    until engine_version "$OWN_HOST" >/dev/null; do
        [[ -d /proc/$1 ]] && ((SECONDS < deadline)) || return 1
        sleep "$POLL_SECONDS"
    done
}

# Two engines in one network namespace fight for docker0 and the packet rules.
refuse_rival() {
    local file pid
    for file in /proc/[0-9]*/comm; do
        [[ $(cat -- "$file" 2>/dev/null || true) == dockerd ]] || continue
        pid=${file#/proc/} pid=${pid%/comm}
        [[ $(readlink "/proc/$pid/ns/net") != "$(readlink /proc/self/ns/net)" ]] ||
            fail 1 "another dockerd (pid $pid) is at work and does not answer at $DEFAULT_HOST" \
                'name its socket in DOCKER_HOST, or stop it'
    done
}
