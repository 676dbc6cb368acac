#!/usr/bin/env bash
# The air-gapped set-up: a Docker engine and the suite's images on a bare Debian machine, without a registry.
#
#   engine.sh up                  installs, starts and builds what is missing; a second `up` changes nothing
#   engine.sh status              tells what there is; exit code 0 when the suite can use it, 3 when not
#   engine.sh down [--purge]      ends what `up` started; --purge also removes images and caches
#   engine.sh build DIR TAG [--file DOCKERFILE] [--requirements FILE] [--extra REQUIREMENT]... [--build-arg K=V]...
#                                 builds a Python server's image without a network in the build (see README.md)
#
# Where a registry is within reach nothing of this is needed, and nothing here ever asks one. What is fetched comes
# from Debian's archive, the Go module proxy and PyPI, through apt-get, mmdebstrap, go and pip as the machine has them
# set up.
#
# The contract with whoever uses the engine is one file, $CHAOS_ENGINE_HOME/env. It is there as long as an engine with
# the images is meant to be up: written last by `up`, removed first by `down`. Its lines are KEY=value without quotes,
# spaces or expansions (and comments), so that a shell (`set -a; . FILE`), make (`include FILE`, `export`) and a few
# lines of Python read it alike:
#
#   DOCKER_HOST                   the engine's socket, a unix:// address
#   CHAOS_ENGINE_HOME             the directory the file is in
#   CHAOS_PYTHON_IMAGE            stands in for python:3.11-slim
#   CHAOS_TOXIPROXY_IMAGE         stands in for Toxiproxy's published image
#   CHAOS_TOXIPROXY_SERVER        the same Toxiproxy as a program of this machine
#   TESTCONTAINERS_RYUK_DISABLED  `true`: Ryuk's image cannot be had here; the suite reaps its own orphans
#
# A reader lets what its environment already has win, and takes an env file whose engine does not answer (a reboot, a
# kill) for "run `engine.sh up` again", not for "there is no engine".
#
# Settings, all optional:
#   CHAOS_ENGINE_HOME        state directory                                /var/lib/chaos-engine
#   CHAOS_PYTHON_IMAGE       name of the base image                         chaos/python:3.11
#   CHAOS_TOXIPROXY_IMAGE    name of Toxiproxy's image                      chaos/toxiproxy:2.12.0
#   CHAOS_ENGINE_POOL        addresses for the engine's networks            172.28.0.0/14
#   CHAOS_ENGINE_GUARD       block made unreachable beneath them, or none   172.16.0.0/12
#   CHAOS_DEBIAN_MIRROR      archive of the base image                      the machine's own, else
#                                                                           mmdebstrap's default
#   DOCKER_HOST              an engine of this machine to use as it is; else one that answers at the default socket is
#
# Exit codes: 0 done or usable, 1 a step failed, 2 wrong usage or setting, 3 not usable (`status`, `build`), 4 this
# machine cannot do it (not root, not Debian, no room), 70 a defect of the script, 130 interrupted. An interrupted or
# killed `up` is taken up again by the next one.
set -Eeuo pipefail

# A user's path may lack the directories of iptables, ip and dockerd.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
AIRGAP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
readonly AIRGAP
for part in report children state processes guard rules packages golang images daemon wheels build down status; do
    # shellcheck source=/dev/null  # each part is checked on its own
    . "$AIRGAP/lib/$part.sh"
done

engine_up() {
    (($# == 0)) || usage
    local start
    start=$(microseconds)
    require_home
    require_blocks
    require_root
    require_debian
    open_state
    require_room
    choose_engine
    step packages install_packages
    # With a client an engine that only seemed to be there is seen to be none.
    choose_engine
    [[ -z $(missing_programs) ]] || step packages install_packages
    if [[ $ENGINE == own ]]; then
        step route guard_addresses
        step dockerd start_daemon
    else
        step engine use_existing
    fi
    step python make_python_image
    step toxiproxy make_toxiproxy
    write_env
    [[ ! -f $REFERENCE/Dockerfile ]] || step reference build_reference
    say ready "$ENV_FILE" "$start"
}

main() {
    (($# > 0)) || usage
    local command=$1
    shift
    case $command in
        up | down | status | build) ;;
        *) usage ;;
    esac
    STEP=$command
    watch_signals
    "engine_$command" "$@"
}

# Sourced, it only defines its functions: that is how they are tested.
[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
