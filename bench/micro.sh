#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Instructions per virtqueue chain, counted by callgrind: the same on every machine for the same
# binary. The ratio is to the goal that the project has set itself.
#
#   bench/micro.sh BUILD-FOLDER      (a build without sanitizers, see the Makefile's target gcc)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?bench/micro.sh: the build folder is needed}
program=$build/gcc/bench/bench-virtqueue
results=$build/bench/results.json
command -v valgrind >/dev/null || {
    echo "bench: virtqueue instruction counts skipped: no valgrind (apt-get install valgrind)"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# count NAME GOAL OPTIONS...: one figure
count() {
    local name=$1 goal=$2 printed chains total
    shift 2

    printed=$(valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no \
        --toggle-collect=bench_device "$program" "$@" 2>"$work/log")
    chains=${printed#chains=}
    chains=${chains%% *}
    total=$(awk '/^(summary|totals):/ { print $2; exit }' "$work/out")
    awk -v name="$name" -v goal="$goal" -v total="$total" -v chains="$chains" 'BEGIN {
        value = total / chains
        printf "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"instructions\",\"better\":\"lower\",", name, value
        printf "\"versus\":\"goal\",\"versus_value\":%s,\"ratio\":%.3f}\n", goal, value / goal
    }'
}

{
    count virtqueue.split.2_descriptors 100 --descriptors 2
    count virtqueue.split.3_descriptors 130 --descriptors 3
    count virtqueue.split.3_descriptors_event_idx 130 --descriptors 3 --event-idx
    count virtqueue.split.3_descriptors_indirect 170 --descriptors 3 --indirect
} >"$work/entries"
sed 's/[{}"]//g; s/,/  /g' "$work/entries"
"$here/merge.sh" "$results" <"$work/entries"
