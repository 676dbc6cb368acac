# shellcheck shell=bash
# What there is, without changing or locking anything; any user may ask.

engine_status() {
    (($# == 0)) || usage
    require_home
    local host version image code=0
    host=$(env_value DOCKER_HOST)
    if [[ -n $host ]]; then
        fact env "$ENV_FILE"
    else
        fact env "$ENV_FILE is not there: engine.sh up has not been run, or did not end"
        host=$OWN_HOST code=3
    fi
    if version=$(engine_version "$host"); then
        fact engine "$version at $host"
    elif [[ -S ${host#unix://} && ! -w ${host#unix://} ]]; then
        fact engine "user $(id -un) may not use $host; root and the group $(stat --format=%G -- "${host#unix://}") may"
        exit 3
    else
        fact engine "none answers at $host"
        exit 3
    fi
    export DOCKER_HOST=$host
    for image in "$PYTHON_IMAGE" "$TOXIPROXY_IMAGE"; do
        if [[ -n $(image_id "$image") ]]; then
            fact image "$image"
        else
            fact image "$image is missing"
            code=3
        fi
    done
    [[ -x $TOXIPROXY_SERVER ]] || { fact toxiproxy "$TOXIPROXY_SERVER is missing"; code=3; }
    fact containers "$(docker ps --quiet | wc -l) running, $(docker ps --all --quiet | wc -l) in all"
    exit "$code"
}

fact() { printf '%-10s %s\n' "$1" "$2"; }
