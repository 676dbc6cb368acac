# shellcheck shell=bash
# Debian packages: only what is missing, and no service started by their installation.

readonly POLICY=/usr/sbin/policy-rc.d
readonly POLICY_MARK='# chaos-engine: no services while its packages are installed'

# What is missing, one a line: programs, `golang` for a Go that will do, what TLS is checked against (go, pip), and the
# library that faults of clocks are made with.
missing_programs() {
    local program
    local -a programs=(docker mmdebstrap nft ip)
    [[ $ENGINE == existing ]] || programs+=(dockerd iptables)
    for program in "${programs[@]}"; do
        command -v "$program" >/dev/null || printf '%s\n' "$program"
    done
    [[ -x $TOXIPROXY_SERVER || -n $(find_go) ]] || printf 'golang\n'
    [[ -s /etc/ssl/certs/ca-certificates.crt ]] || printf 'ca-certificates\n'
    # Not the engine's: what gives a server of the processes runtime a wall clock of its own.
    compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || printf 'libfaketime\n'
}

package_of() { # PROGRAM
    case $1 in
        dockerd) printf 'docker.io' ;;
        docker) if has_candidate docker-cli; then printf 'docker-cli'; else printf 'docker.io'; fi ;;
        nft) printf 'nftables' ;;
        ip) printf 'iproute2' ;;
        *) printf '%s' "$1" ;;
    esac
}

candidate() { apt-cache policy "$1" | sed -n 's/^  Candidate: \([^(].*\)/\1/p'; }

has_candidate() { [[ -n $(candidate "$1") ]]; }

install_packages() {
    local -a programs packages=()
    local program golang=false
    mapfile -t programs < <(missing_programs)
    ((${#programs[@]} > 0)) || return 0
    UNBROKEN=true
    hold_services
    # An archive among the machine's other sources that is out of reach must not stop us: the installation will tell.
    logged apt-get update || note 'apt-get update reported errors; going on with the lists there are'
    # What a killed installation left half-configured would fail ours.
    [[ -z $(dpkg --audit) ]] || logged dpkg --configure -a
    for program in "${programs[@]}"; do
        if [[ $program == golang ]]; then golang=true; else packages+=("$(package_of "$program")"); fi
    done
    if ((${#packages[@]} > 0)); then apt_install "${packages[@]}"; fi
    if $golang; then install_go && packages+=("$GO_PACKAGE"); fi
    release_services
    UNBROKEN=false
    hash -r
    DID="installed ${packages[*]}"
}

# apt_install [-o OPTION]... PACKAGE...
apt_install() {
    DEBIAN_FRONTEND=noninteractive logged apt-get install --yes --no-install-recommends "$@" ||
        fail 1 "apt-get could not install: $*" 'see the lines above; the same command goes on from there'
}

# Debian starts a service as soon as its package is installed. The engine here is started by hand with directories of
# its own, so the machine is told "no" for as long as apt-get runs; a policy that is there already is left alone.
hold_services() {
    [[ ! -e $POLICY ]] || return 0
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
    chmod 755 -- "$POLICY"
}

release_services() {
    if grep -qsxF -- "$POLICY_MARK" "$POLICY"; then rm -f -- "$POLICY"; fi
}
