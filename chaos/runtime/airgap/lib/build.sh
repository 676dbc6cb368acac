# shellcheck shell=bash
# A Python target's image from its directory, without a network in the build. README.md has the convention.

readonly BUILD_LABEL=chaos.build
# The classic builder is the one that every engine has; BuildKit's client is a plugin that a bare Debian lacks.
readonly BUILDER=(env "DOCKER_BUILDKIT=${DOCKER_BUILDKIT:-0}" docker build --rm --force-rm)
readonly REFERENCE=$AIRGAP/../../../targets/reference
readonly REFERENCE_IMAGE=chaos/reference:local

engine_build() {
    local directory='' tag='' dockerfile='' requirements='' word
    local -a extras=() arguments=()
    while (($# > 0)); do
        case $1 in
            --file | --requirements | --extra | --build-arg)
                (($# > 1)) || usage
                word=$2
                case $1 in
                    --file) dockerfile=$word ;;
                    --requirements) requirements=$word ;;
                    --extra) extras+=("$word") ;;
                    --build-arg) arguments+=(--build-arg "$word") ;;
                esac
                shift
                ;;
            -*) usage ;;
            *) if [[ -z $directory ]]; then directory=$1; elif [[ -z $tag ]]; then tag=$1; else usage; fi ;;
        esac
        shift
    done
    [[ -n $tag ]] || usage
    require_home
    begin_build
    [[ -d $directory ]] || fail 2 "$directory is not a directory"
    directory=$(cd -- "$directory" && pwd -P)
    build_target "$directory" "$tag" "${dockerfile:-$directory/Dockerfile}" "$requirements"
    say build "$DID" "$STEP_START"
}

begin_build() {
    STEP=build STEP_START=$(microseconds)
    # A log of its own: builds need no lock, and any user of the engine may build.
    STEP_LOG=$(mktemp)
    LOG_NAME='the build'
    trap 'rm -f -- "$STEP_LOG"' EXIT
    export HOME=${HOME:-/root} DOCKER_HOST=${DOCKER_HOST:-$(env_value DOCKER_HOST)}
    engine_version "$DOCKER_HOST" >/dev/null ||
        fail 3 "no engine answers at ${DOCKER_HOST:-any known address}" 'run engine.sh up'
    [[ -n $(image_id "$PYTHON_IMAGE") ]] || fail 3 "image $PYTHON_IMAGE is missing" 'run engine.sh up'
}

# build_target DIRECTORY TAG DOCKERFILE REQUIREMENTS: with extras and arguments of the caller.
build_target() {
    local directory=$1 tag=$2 dockerfile=$3 requirements=$4 base=$PYTHON_IMAGE key wheels old
    [[ -f $dockerfile ]] || fail 2 "$dockerfile is not there"
    [[ -n $requirements || ! -f $directory/requirements.txt ]] || requirements=$directory/requirements.txt
    if [[ -n $requirements ]]; then
        [[ -f $requirements ]] || fail 2 "$requirements is not there"
        requirements=$(realpath -- "$requirements")
    fi
    require_local_bases "$dockerfile"
    if [[ -n $requirements || ${#extras[@]} -gt 0 ]]; then
        key=$(wheels_key "$requirements" "${extras[@]}")
        wheels=$(wheel_cache)/$key
        base=chaos/wheels:$key
        fetch_wheels "$wheels" "$requirements" "${extras[@]}"
        make_wheels_image "$base" "$wheels"
    fi
    key=$(build_key "$directory" "$dockerfile" "$base")
    DID="$tag already there"
    [[ $(image_label "$tag" "$BUILD_LABEL") != "$key" ]] || return 0
    old=$(image_id "$tag")
    logged "${BUILDER[@]}" --network none --label "$BUILD_LABEL=$key" --build-arg "BASE_IMAGE=$base" "${arguments[@]}" \
        --tag "$tag" --file "$dockerfile" "$directory" || fail 1 "docker build of $directory failed"
    forget_image "$old"
    DID="made $tag"
}

# build_key DIRECTORY DOCKERFILE BASE: changes with anything that goes into the image.
build_key() {
    {
        image_id "$3"
        printf '%s\n' "${arguments[@]}"
        cat -- "$2"
        tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
            --exclude=__pycache__ --exclude='*.pyc' --exclude='.*_cache' --exclude=.git -cf - .
    } | digest
}

# Every FROM must be the base image given, an earlier stage, empty, or an image that the engine has: a pull would only
# end in a time-out.
require_local_bases() { # DOCKERFILE
    local word image alias stages=' scratch ' found=false
    while read -r word image alias; do
        [[ ${word^^} == FROM ]] || continue
        if [[ $image == --* ]]; then read -r image alias <<<"$alias"; fi
        # shellcheck disable=SC2016  # the Dockerfile's words
        if [[ $image == '${BASE_IMAGE}' || $image == '$BASE_IMAGE' ]]; then
            found=true
        elif [[ $stages != *" $image "* && -z $(image_id "$image") ]]; then
            fail 2 "$1: FROM $image cannot be pulled here" \
                'write `ARG BASE_IMAGE=python:3.11-slim`, `FROM ${BASE_IMAGE}`: that works with a registry and without'
        fi
        if [[ ${alias^^} == AS\ * ]]; then stages+="${alias:3} "; fi
    done <"$1"
    $found || note "$1 takes no \${BASE_IMAGE}: wheels are not handed to it"
}

# For `up`: the reference server's image beforehand, so that the first run need not wait for it. A reference that does
# not build is that project's red, not the engine's: the suite builds it again and reports it.
build_reference() {
    if logged bash "$AIRGAP/engine.sh" build "$REFERENCE" "$REFERENCE_IMAGE"; then
        DID=$(sed -n 's/^build  *\(.*[^ ]\)  *[0-9.]* s$/\1/p' "$STEP_LOG")
    else
        DID="not built, see $STEP_LOG"
    fi
}
