# shellcheck shell=bash
# The wheels of a target, and the base image that holds them.
#
# They are fetched by the base image's own pip, on this machine's network and with this machine's pip settings: so
# interpreter, platform and environment markers are exactly those of the build, whatever Python the machine has.

readonly WHEELS=/usr/local/share/wheels  # inside the image

# host_pip fills SETTINGS with the `docker run` options that hand on pip's settings: variables (by name, so that no
# secret stands in an argument), configuration files, and the files and directories they name.
host_pip() {
    local name word file
    SETTINGS=(--env "HOME=$HOME")
    while IFS= read -r name; do
        SETTINGS+=(--env "$name")
        for word in ${!name}; do
            [[ $word != /* || ! -e $word ]] || SETTINGS+=(--volume "$word:$word:ro")
        done
    done < <(compgen -e | sed -nE '/^(PIP_.*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE)$/p; /^(https?|no|all)_proxy$/Ip')
    for file in /etc/pip.conf /etc/xdg/pip/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
        [[ ! -r $file ]] || SETTINGS+=(--volume "$file:$file:ro")
    done
    # Debian's pip trusts what the machine trusts; the image's has only its own list.
    file=/etc/ssl/certs/ca-certificates.crt
    [[ -n ${PIP_CERT:-} || ! -r $file ]] || SETTINGS+=(--volume "$file:$file:ro" --env "PIP_CERT=$file")
}

wheel_cache() {
    local directory=$CACHE/wheels
    mkdir -p -- "$directory" 2>/dev/null || true
    if [[ ! -w $directory ]]; then
        directory=${XDG_CACHE_HOME:-$HOME/.cache}/chaos-engine/wheels
        mkdir -p -- "$directory"
    fi
    printf '%s' "$directory"
}

# wheels_key REQUIREMENTS EXTRA...: the files beside it count, since it may include them (-r, -c).
wheels_key() {
    local requirements=$1
    shift
    {
        image_id "$PYTHON_IMAGE"
        printf '%s\n' "$requirements" "$@"
        [[ -z $requirements ]] || cat -- "$(dirname -- "$requirements")"/*.txt
    } | digest
}

# fetch_wheels DIRECTORY REQUIREMENTS EXTRA...
fetch_wheels() {
    local directory=$1 requirements=$2 stage
    shift 2
    [[ ! -d $directory ]] || return 0
    local -a wanted=("$@")
    local -a SETTINGS=()
    stage=$(mktemp -d -- "$(dirname -- "$directory")/.new.XXXXXX")
    chmod 755 -- "$stage"
    host_pip
    if [[ -n $requirements ]]; then
        SETTINGS+=(--volume "$(dirname -- "$requirements"):/requirements:ro")
        wanted+=(--requirement "/requirements/$(basename -- "$requirements")")
    fi
    logged docker run --rm --init --network host --user "$(id -u):$(id -g)" "${SETTINGS[@]}" \
        --volume "$stage:/wheels" --workdir /wheels "$PYTHON_IMAGE" \
        pip wheel --no-cache-dir --wheel-dir /wheels "${wanted[@]}" || {
        rm -rf -- "$stage"
        fail 1 "pip could not fetch wheels for ${requirements:-$*}" \
            'is the package index within reach, and does each name and version exist?'
    }
    # Another build may have been faster; its wheels are as good.
    mv -T -- "$stage" "$directory" 2>/dev/null || rm -rf -- "$stage"
}

# make_wheels_image NAME DIRECTORY: there pip finds the wheels by itself, and looks nowhere else.
make_wheels_image() {
    [[ -z $(image_id "$1") ]] || return 0
    printf '%s\n' "FROM $PYTHON_IMAGE" "COPY *.whl $WHEELS/" \
        "ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=$WHEELS PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore" |
        "${BUILDER[@]}" --tag "$1" --file - "$2" >>"$STEP_LOG" 2>&1 ||
        fail 1 "the base image with the wheels ($1) could not be made"
}
