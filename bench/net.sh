#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Instructions per packet of virtio-net, counted by callgrind: sending beside what the ring alone
# costs (there is no copy), receiving beside the floor of the bare copy.
#
#   bench/net.sh BUILD-FOLDER      (a build without sanitizers, see the Makefile's target gcc)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?bench/net.sh: the build folder is needed}
programs=$build/gcc/bench
command -v valgrind >/dev/null || {
    echo "bench: packet instruction counts skipped: no valgrind (apt-get install valgrind)"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# counted PROGRAM OPTION...: $value, the instructions for each of what the program counts
counted() {
    local printed program=$1
    shift
    printed=$(valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no \
        --toggle-collect=bench_device "$programs/$program" "$@" 2>"$work/log") || {
        cat "$work/log" >&2
        exit 1
    }
    printed=${printed#*=}
    value=$(awk -v units="${printed%% *}" \
        '/^(summary|totals):/ { printf "%.3f", $2 / units; exit }' "$work/out")
}

# entry NAME VALUE VERSUS VERSUS_VALUE: one line for merge.sh
entry() {
    awk -v name="$1" -v value="$2" -v versus="$3" -v other="$4" 'BEGIN {
        printf "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"instructions\",\"better\":\"lower\",", name, value
        printf "\"versus\":\"%s\",\"versus_value\":%.1f,\"ratio\":%.3f}\n", versus, other, value / other
    }'
}

# both BATCH SUFFIX: both directions and sizes
both() {
    local bytes ring packet
    counted bench-virtqueue --descriptors 1 --batch "$1"
    ring=$value
    for bytes in 64 1500; do
        counted bench-net --bytes $bytes --batch "$1"
        entry "net.tx$bytes.ir$2" "$value" "ring alone" "$ring"
        counted bench-net --rx --bytes $bytes --batch "$1"
        packet=$value
        counted bench-net --rx --bytes $bytes --batch "$1" --bare
        entry "net.rx$bytes.ir$2" "$packet" floor "$value"
    done
}

{
    both 32 ""
    both 1 .batch1
} >"$work/entries"
sed 's/[{}"]//g; s/,/  /g' "$work/entries"
"$here/merge.sh" "$build/bench/results.json" <"$work/entries"
