# shellcheck shell=bash
# Packet rules, bridges and settings of the kernel: which iptables dockerd gets, and putting back what the engine changes.

readonly TABLES='filter nat raw'
# Two settings of the kernel: dockerd forwards, and `small_tables` gives each container's network a small table.
readonly KERNEL_SETTINGS='ip_forward tcp_child_ehash_entries'
readonly KERNEL_BUCKETS=4096

# dockerd takes the first `iptables` on its path. Where the nft form does not work with this kernel and the legacy
# one does, a directory with links goes before it; the machine's own alternatives stay as they are.
choose_iptables() {
    local program
    rm -rf -- "$RUN/path"
    if logged iptables --wait -t nat -S; then return 0; fi
    logged iptables-legacy --wait -t nat -S || fail 1 'neither nft nor legacy iptables reaches a nat table here' \
        'load nf_tables and nft_compat, or ip_tables and iptable_nat; inside a container, give it NET_ADMIN'
    note "$(iptables --version) does not work with this kernel; its legacy form does and is used for the engine"
    mkdir -p -- "$RUN/path"
    for program in iptables ip6tables; do
        ln -sf -- "$(command -v "$program-legacy")" "$RUN/path/$program"
    done
    PATH=$RUN/path:$PATH
}

rules_of() { # PROGRAM TABLE
    "$1" --wait -t "$2" -S 2>/dev/null || true
}

# What the machine was like before dockerd changed it; a later `up` of the same engine must not overwrite it.
record_machine() {
    local program table setting new=$RUN/before.new
    [[ ! -d $RUN/before ]] || return 0
    rm -rf -- "$new"
    mkdir -p -- "$new"
    for setting in $KERNEL_SETTINGS; do
        [[ ! -r /proc/sys/net/ipv4/$setting ]] || cat "/proc/sys/net/ipv4/$setting" >"$new/$setting"
    done
    ip -oneline link show type bridge | cut -d: -f2 | tr -d ' ' >"$new/bridges"
    for program in iptables ip6tables; do
        for table in $TABLES; do rules_of "$program" "$table" >"$new/$program-$table"; done
    done
    mv -- "$new" "$RUN/before"
}

# The kernel keeps a network's TCP connections in a hash table, and a list of sockets walks all of it. Without one of its
# own a container shares the machine's, which grows with its memory: 262,144 buckets with 24 GiB, 4.4 ms of a core a look.
small_tables() {
    local setting=/proc/sys/net/ipv4/tcp_child_ehash_entries
    [[ -w $setting ]] || return 0 # before Linux 6.1 all share one
    echo "$KERNEL_BUCKETS" >"$setting" || note "cannot give containers a small table of connections ($setting)"
}

restore_machine() {
    local program table setting
    [[ -d $RUN/before ]] || return 0
    remove_bridges
    for program in iptables ip6tables; do
        for table in $TABLES; do remove_rules "$program" "$table"; done
    done
    for setting in $KERNEL_SETTINGS; do
        [[ ! -s $RUN/before/$setting ]] || cat -- "$RUN/before/$setting" >"/proc/sys/net/ipv4/$setting"
    done
    rm -rf -- "$RUN/before"
}

# Docker's bridges that were not there before and whose addresses come from our pool.
remove_bridges() {
    local name address
    while read -r _ name _ address _; do
        [[ $name == docker0 || $name =~ ^br-[0-9a-f]{12}$ ]] || continue
        within "$address" "$POOL" || continue
        grep -qxF -- "$name" "$RUN/before/bridges" || logged ip link del "$name" || note "cannot remove bridge $name"
    done < <(ip -4 -oneline address show)
}

# remove_rules PROGRAM TABLE: dockerd's rules, chains and policies that the snapshot does not have.
remove_rules() {
    local program=$1 table=$2 before=$RUN/before/$1-$2 rule policy
    local -a words chains=()
    while IFS= read -r rule; do
        grep -qxF -- "$rule" "$before" && continue
        read -ra words <<<"$rule"
        case ${words[0]} in
            -N) [[ ${words[1]} != DOCKER* ]] || chains+=("${words[1]}") ;;
            -P)
                policy=$(grep -E -- "^-P ${words[1]} " "$before") || continue
                read -ra words <<<"$policy"
                logged "$program" --wait -t "$table" "${words[@]}"
                ;;
            -A)
                # Rules inside Docker's chains go with the chain.
                [[ ${words[1]} != DOCKER* ]] || continue
                [[ $rule =~ DOCKER|docker0|br-[0-9a-f]{12} ]] || from_pool "${words[@]}" || continue
                logged "$program" --wait -t "$table" -D "${words[@]:1}" ||
                    note "cannot remove: $program -t $table $rule"
                ;;
        esac
    done < <(rules_of "$program" "$table")
    for rule in "${chains[@]}"; do logged "$program" --wait -t "$table" -F "$rule" || true; done
    for rule in "${chains[@]}"; do
        logged "$program" --wait -t "$table" -X "$rule" || note "cannot remove: $program -t $table chain $rule"
    done
}

# from_pool WORD...: a rule whose source (-s) is one of the engine's addresses.
from_pool() {
    while (($# > 1)); do
        if [[ $1 == -s && $2 =~ ^[0-9.]+(/[0-9]+)?$ ]]; then
            within "$2" "$POOL"
            return
        fi
        shift
    done
    return 1
}
