# shellcheck shell=bash
# The two images that others would pull: Python and Toxiproxy.

readonly PYTHON_IMAGE=${CHAOS_PYTHON_IMAGE:-chaos/python:3.11}
readonly TOXIPROXY_IMAGE=${CHAOS_TOXIPROXY_IMAGE:-chaos/toxiproxy:2.12.0}
readonly TOXIPROXY_VERSION=2.12.0
readonly TOXIPROXY_SERVER=$ENGINE_HOME/bin/toxiproxy-server
# An image is "there" when it was made by the recipe as it is now; a changed recipe makes it anew.
readonly RECIPE_LABEL=chaos.recipe

digest() { sha256sum | cut -c1-16; }

image_label() { # IMAGE LABEL: empty when the image is not there
    docker image inspect --format "{{with .Config.Labels}}{{index . \"$2\"}}{{end}}" "$1" 2>/dev/null || true
}

# The id, or nothing where there is none of that name.
image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null || true; }

# forget_image ID: what a name stood for before; it stays, without a name, while a container or another image uses it.
forget_image() { [[ -z $1 ]] || logged docker image rm "$1" || true; }

# import_image TAR NAME RECIPE [CHANGE...]
import_image() {
    local tar=$1 name=$2 change old
    local -a changes=(--change "LABEL $RECIPE_LABEL=$3")
    shift 3
    for change in "$@"; do changes+=(--change "$change"); done
    old=$(image_id "$name")
    logged docker import "${changes[@]}" "$tar" "$name" || fail 1 "docker import of $name failed"
    forget_image "$old"
    rm -f -- "$tar"
}

# Where the base image comes from: the archive that the caller names, the machine's own if it is a bookworm too, else
# mmdebstrap's default (nothing is printed).
base_archive() {
    if [[ -n ${CHAOS_DEBIAN_MIRROR:-} ]]; then
        printf '%s' "$CHAOS_DEBIAN_MIRROR"
        return
    fi
    # shellcheck disable=SC2016  # the fields are apt's
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT) # $(LABEL)' 'Created-By: Packages' |
        sed -nE 's/^(deb [^ ]+ bookworm[^ ]* main) # Debian(-Security)?$/\1/p' | sort -u >"$TMP/sources.list"
    [[ ! -s $TMP/sources.list ]] || printf '%s' "$TMP/sources.list"
}

make_python_image() {
    local recipe
    recipe=$(digest <"$AIRGAP/recipes/python.sh")
    [[ $(image_label "$PYTHON_IMAGE" "$RECIPE_LABEL") != "$recipe" ]] || return 0
    logged bash "$AIRGAP/recipes/python.sh" "$TMP/python.tar" "$(base_archive)" ||
        fail 1 'mmdebstrap could not make the base image' \
            'is the Debian archive within reach? CHAOS_DEBIAN_MIRROR names another'
    import_image "$TMP/python.tar" "$PYTHON_IMAGE" "$recipe" \
        'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' 'CMD ["python3"]'
    DID="made $PYTHON_IMAGE"
}

make_toxiproxy() {
    local recipe built='' done=''
    recipe=$(cat -- "$AIRGAP/recipes/toxiproxy.sh" <(printf '%s' "$TOXIPROXY_VERSION") | digest)
    if [[ -x $TOXIPROXY_SERVER ]]; then built=$(cat -- "$TOXIPROXY_SERVER.recipe" 2>/dev/null || true); fi
    if [[ $built != "$recipe" ]]; then
        logged env GO="$(find_go)" bash "$AIRGAP/recipes/toxiproxy.sh" "$TOXIPROXY_VERSION" "$TMP/toxiproxy" ||
            fail 1 'go install could not build Toxiproxy' 'is the Go module proxy within reach (GOPROXY)?'
        # The program last: without it the recipe's digest means nothing.
        rm -f -- "$TOXIPROXY_SERVER"
        printf '%s\n' "$recipe" >"$TOXIPROXY_SERVER.recipe"
        mv -- "$TMP/toxiproxy" "$TOXIPROXY_SERVER"
        done="built toxiproxy-server $TOXIPROXY_VERSION"
    fi
    if [[ $(image_label "$TOXIPROXY_IMAGE" "$RECIPE_LABEL") != "$recipe" ]]; then
        tar -C "$ENGINE_HOME/bin" --owner=0 --group=0 --transform='s/.*/toxiproxy/' \
            -cf "$TMP/toxiproxy.tar" toxiproxy-server
        # As the published image has it.
        import_image "$TMP/toxiproxy.tar" "$TOXIPROXY_IMAGE" "$recipe" \
            'ENTRYPOINT ["/toxiproxy"]' 'CMD ["-host=0.0.0.0"]' 'EXPOSE 8474'
        done=${done:+$done, }"made $TOXIPROXY_IMAGE"
    fi
    DID=${done:-$DID}
}
