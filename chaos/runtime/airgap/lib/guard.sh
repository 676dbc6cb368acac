# shellcheck shell=bash
# Addresses: the block the engine's networks come from, and the guard beneath their bridges.

POOL=${CHAOS_ENGINE_POOL:-172.28.0.0/14}
GUARD=${CHAOS_ENGINE_GUARD:-172.16.0.0/12}
readonly POOL GUARD

require_blocks() {
    local block='^([0-9]{1,3}\.){3}[0-9]{1,3}/([89]|1[0-9]|2[0-4])$'
    [[ $POOL =~ $block ]] || fail 2 "CHAOS_ENGINE_POOL is '$POOL'; a block like 172.28.0.0/14 is allowed, /8 to /24"
    [[ $GUARD == none || $GUARD =~ $block ]] ||
        fail 2 "CHAOS_ENGINE_GUARD is '$GUARD'; a block like 172.16.0.0/12 is allowed, /8 to /24, or none"
}

number_of() { # A.B.C.D
    local a b c d
    IFS=. read -r a b c d <<<"$1"
    printf '%d' $((a << 24 | b << 16 | c << 8 | d))
}

# within ADDRESS[/N] BLOCK/N: whether the address, or the block's first one, lies in the block.
within() {
    local mask=$((0xFFFFFFFF << (32 - ${2#*/}) & 0xFFFFFFFF))
    ((($(number_of "${1%/*}") & mask) == ($(number_of "${2%/*}") & mask)))
}

# What the machine itself uses inside the block: its neighbours, gateways and name servers would be cut off.
others_in() { # BLOCK
    local address
    while IFS= read -r address; do
        if within "$address" "$1"; then printf '%s\n' "$address"; fi
    done < <({
        ip -4 -oneline route show | sed -E '/^unreachable|dev (docker0|br-[0-9a-f]{12})( |$)/d' | tr ' ' '\n'
        sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf
    } | sed -nE '/^([0-9]{1,3}\.){3}[0-9]{1,3}(\/[0-9]+)?$/p' | sort -u)
}

# A packet for a container that is gone would follow the default route off the machine. An unreachable route beneath
# the bridges' own, longer ones keeps it in.
guard_addresses() {
    local used
    [[ $GUARD != none ]] || { DID='none, as CHAOS_ENGINE_GUARD says'; return 0; }
    [[ -z $(ip -4 route show type unreachable exact "$GUARD") ]] || return 0
    used=$(others_in "$GUARD")
    [[ -z $used ]] || fail 1 "the machine itself uses ${used//$'\n'/, } inside $GUARD" \
        'give CHAOS_ENGINE_POOL and CHAOS_ENGINE_GUARD a block that is free here (a guard of none leaves it out)'
    # Recorded first: an interruption between the two leaves a record of a route that is not there, which is harmless.
    printf '%s\n' "$GUARD" >"$RUN/route"
    logged ip route add unreachable "$GUARD" || fail 1 "cannot add an unreachable route for $GUARD"
    DID="unreachable $GUARD beneath the bridges"
}

remove_guard() {
    [[ -s $RUN/route ]] || return 0
    logged ip route del unreachable "$(<"$RUN/route")" || note "route $(<"$RUN/route") was gone already"
    rm -f -- "$RUN/route"
    DID='removed'
}
