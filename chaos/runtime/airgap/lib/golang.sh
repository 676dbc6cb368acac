# shellcheck shell=bash
# A Go that can build Toxiproxy: its module asks for 1.23, and bookworm's own is 1.19.

# From 1.21 on, go fetches the toolchain that a module asks for through the module proxy.
readonly GO_MINIMUM=1.21
# Where Debian's own is older, its backports have this one. It goes to /usr/lib/go-1.23 and takes no program's name.
readonly GO_BACKPORT=golang-1.23-go

at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; } # VERSION MINIMUM

# The first on the path if it will do, else the newest that Debian keeps beside it; nothing if there is none.
find_go() {
    local go version
    while IFS= read -r go; do
        [[ -x $go ]] || continue
        version=$(cd / && GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null) || continue
        if [[ -n $version ]] && at_least "${version#go}" "$GO_MINIMUM"; then
            printf '%s' "$go"
            return
        fi
    done < <(type -P go || true; printf '%s\n' /usr/lib/go-*/bin/go | sort -rV)
}

# The archive that the machine itself takes Debian from; nothing if its sources do not say.
debian_archive() {
    # shellcheck disable=SC2016  # the fields are apt's
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian //p' | head -n 1
}

# install_go sets GO_PACKAGE to what it installed.
install_go() {
    local version archive VERSION_CODENAME=''
    version=$(candidate golang-go)
    if at_least "${version#*:}" "$GO_MINIMUM"; then
        GO_PACKAGE=golang-go
        apt_install "$GO_PACKAGE"
        return
    fi
    # shellcheck disable=SC1091  # the machine's own file
    . /etc/os-release
    archive=$(debian_archive)
    [[ -n $archive ]] || fail 1 "Debian's Go here is ${version:-none}, Toxiproxy needs $GO_MINIMUM or newer" \
        "install $GO_BACKPORT from Debian's backports, or put a newer go on PATH"
    # The backports are named for this one installation only; the machine's sources and lists stay as they are.
    local -a only=(-o "Dir::Etc::SourceList=$TMP/backports.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$TMP/lists")
    mkdir -p -- "$TMP/lists/partial"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s-backports main\n' \
        "$archive" "$VERSION_CODENAME" >"$TMP/backports.list"
    logged apt-get "${only[@]}" update ||
        fail 1 "cannot read $VERSION_CODENAME-backports, for $GO_BACKPORT" "put go $GO_MINIMUM or newer on PATH"
    GO_PACKAGE=$GO_BACKPORT
    apt_install "${only[@]}" "$GO_PACKAGE"
}
