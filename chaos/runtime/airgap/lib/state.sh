# shellcheck shell=bash
# The state directory: its layout, who may change it, and the env file.
#
#   .chaos-engine   says that the directory is ours to remove
#   lock            held by the command that changes something
#   env             the contract with whoever uses the engine (see engine.sh)
#   bin/ cache/ data/ logs/ storage-driver    kept by `down`, removed by `down --purge`
#   run/            the running engine: socket, pidfile, what the machine was like before; removed by `down`
#   tmp/            the step at work; emptied by the next command that takes the lock

ENGINE_HOME=${CHAOS_ENGINE_HOME:-/var/lib/chaos-engine}
[[ $ENGINE_HOME == / ]] || ENGINE_HOME=${ENGINE_HOME%/}
RUN=$ENGINE_HOME/run TMP=$ENGINE_HOME/tmp LOGS=$ENGINE_HOME/logs CACHE=$ENGINE_HOME/cache
MARKER=$ENGINE_HOME/.chaos-engine ENV_FILE=$ENGINE_HOME/env
readonly ENGINE_HOME RUN TMP LOGS CACHE MARKER ENV_FILE

# A second command waits this long for the first; an `up` from bare takes one to two minutes.
readonly LOCK_SECONDS=900
# An `up` from bare takes 1.3 GB at its widest: packages 0.5, base image with its tar and its stage 0.6, Go's build 0.2.
readonly ROOM_MB=1536
# A unix socket's path holds 107 bytes; the longest that containerd makes below the state directory takes 47.
readonly HOME_LENGTH=60

require_root() {
    ((EUID == 0)) || fail 4 "run as user $(id -un); this installs packages, starts dockerd and adds a route" \
        'run it as root, or use an engine that is there already (DOCKER_HOST)'
}

require_debian() {
    local ID='an unknown system' VERSION_ID=''
    # shellcheck disable=SC1091  # the machine's own file
    [[ ! -r /etc/os-release ]] || . /etc/os-release
    [[ $ID == debian ]] && command -v apt-get >/dev/null && return
    [[ $ID != debian ]] || ID='Debian without apt-get'
    fail 4 "this is $ID${VERSION_ID:+ $VERSION_ID}; the air-gapped set-up is for Debian, with apt-get" \
        "install a Docker engine in this system's own way, and let the suite pull its images from a registry"
}

require_home() {
    case $ENGINE_HOME in
        *[!A-Za-z0-9/._-]*) fail 2 "CHAOS_ENGINE_HOME is '$ENGINE_HOME'; letters, digits and /._- are allowed" ;;
        / | */../* | */..) fail 2 "CHAOS_ENGINE_HOME is '$ENGINE_HOME'; it must be a directory of its own" ;;
        /*) ;;
        *) fail 2 "CHAOS_ENGINE_HOME is '$ENGINE_HOME'; it must begin with /" ;;
    esac
    ((${#ENGINE_HOME} <= HOME_LENGTH)) || fail 2 \
        "CHAOS_ENGINE_HOME is ${#ENGINE_HOME} characters long; the sockets below it leave room for $HOME_LENGTH"
}

# open_state: the directory, the lock, and no remains of an interrupted run.
open_state() {
    if [[ -d $ENGINE_HOME && ! -e $MARKER && -n $(ls -A -- "$ENGINE_HOME") ]]; then
        fail 2 "$ENGINE_HOME is not empty and was not made by this script" 'name another directory in CHAOS_ENGINE_HOME'
    fi
    take_lock
    clear_tmp
    mkdir -p -- "$RUN" "$TMP" "$LOGS" "$CACHE" "$ENGINE_HOME/bin"
    forget_before_boot
    export TMPDIR=$TMP
}

take_lock() {
    local lock=$ENGINE_HOME/lock
    # `down --purge` may remove the file while we wait for it: then it is made and taken again.
    until [[ /proc/self/fd/9 -ef $lock ]]; do
        mkdir -p -- "$ENGINE_HOME"
        : >>"$MARKER"
        exec 9>>"$lock"
        flock --nonblock 9 && continue
        note "another command is at work in $ENGINE_HOME; waiting for it"
        flock --wait "$LOCK_SECONDS" 9 || fail 1 "$lock is still held after $LOCK_SECONDS s" \
            'look for another engine.sh, or an apt-get, go or mmdebstrap that a killed one has left at work'
    done
    LOCKED=true
}

clear_tmp() {
    unmount_below "$TMP"
    rm -rf --one-file-system -- "$TMP"
}

# run/ is about processes, routes and mounts; a reboot has ended them all.
forget_before_boot() {
    local boot
    boot=$(</proc/sys/kernel/random/boot_id)
    if [[ -e $RUN/boot && $(<"$RUN/boot") != "$boot" ]]; then
        rm -rf --one-file-system -- "$RUN"
        mkdir -p -- "$RUN"
    fi
    printf '%s\n' "$boot" >"$RUN/boot"
}

unmount_below() { # DIRECTORY: what is mounted at or below it, the deepest first
    local point
    while IFS= read -r point; do
        # Its owner may be ending and unmount it itself; what stays mounted stops the `rm` that follows.
        umount -- "$point" 2>/dev/null || umount --lazy -- "$point" 2>/dev/null || true
    done < <(awk -v dir="$1" '$5 == dir || index($5, dir "/") == 1 { print $5 }' /proc/self/mountinfo | sort -r)
}

require_room() {
    local free
    [[ ! -d $ENGINE_HOME/data ]] || return 0
    free=$(df --output=avail --block-size=1M -- "$ENGINE_HOME" | tail -n 1)
    ((free >= ROOM_MB)) || fail 4 "$ENGINE_HOME has ${free// /} MB free; the set-up needs $ROOM_MB MB" \
        'free some, or name a directory on another file system in CHAOS_ENGINE_HOME'
}

write_env() {
    local new=$TMP/env
    {
        printf '# Written by engine.sh up, removed by engine.sh down.\n'
        printf 'DOCKER_HOST=%s\n' "$DOCKER_HOST"
        printf 'CHAOS_ENGINE_HOME=%s\n' "$ENGINE_HOME"
        printf 'CHAOS_PYTHON_IMAGE=%s\n' "$PYTHON_IMAGE"
        printf 'CHAOS_TOXIPROXY_IMAGE=%s\n' "$TOXIPROXY_IMAGE"
        printf 'CHAOS_TOXIPROXY_SERVER=%s\n' "$TOXIPROXY_SERVER"
        printf 'TESTCONTAINERS_RYUK_DISABLED=true\n'
    } >"$new"
    chmod 644 -- "$new"
    mv -- "$new" "$ENV_FILE"
}

env_value() { # KEY: from the env file, empty when it is not there
    [[ ! -r $ENV_FILE ]] || sed -n "s/^$1=//p" "$ENV_FILE"
}
