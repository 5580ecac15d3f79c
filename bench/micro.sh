#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Instructions per virtqueue chain, counted by callgrind: the same on every machine for the same
# binary. Chains come in batches of 32, or of 1 and 8 where the name says so. The ratio is to the goal that the project has set itself; where it has set none the figure
# stands beside that of the split ring (one of two descriptors, or of three).
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

# entry NAME VALUE VERSUS VERSUS_VALUE: one line for merge.sh
entry() {
    awk -v name="$1" -v value="$2" -v versus="$3" -v other="$4" 'BEGIN {
        printf "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"instructions\",\"better\":\"lower\",", name, value
        printf "\"versus\":\"%s\",\"versus_value\":%.1f,\"ratio\":%.3f}\n", versus, other, value / other
    }'
}

# count OPTIONS...: $value, the instructions per chain
count() {
    local printed chains total
    # The program compares what came out with what it has to be; a figure of anything else is none.
    printed=$(valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no \
        --toggle-collect=bench_device "$program" "$@" 2>"$work/log") || {
        cat "$work/log" >&2
        exit 1
    }
    chains=${printed#chains=}
    chains=${chains%% *}
    total=$(awk '/^(summary|totals):/ { print $2; exit }' "$work/out")
    value=$(awk -v total="$total" -v chains="$chains" 'BEGIN { printf "%.3f", total / chains }')
}

# family DESCRIPTORS GOAL: both kinds of rings with chains of that many
family() {
    local ring name split options batch
    for ring in split packed; do
        options=(--descriptors "$1")
        [ "$ring" = split ] || options+=(--packed)
        name=vq.$ring.$1.ir
        count "${options[@]}"
        if [ "$ring" = split ]; then
            split=$value
            entry "$name" "$value" goal "$2"
        else
            entry "$name" "$value" "vq.split.$1.ir" "$split"
        fi
        count "${options[@]}" --batch 1
        entry "$name.batch1" "$value" "vq.split.$1.ir" "$split"
        count "${options[@]}" --batch 8
        entry "$name.batch8" "$value" "vq.split.$1.ir" "$split"
        count "${options[@]}" --event-idx
        entry "$name.event_idx" "$value" "vq.split.$1.ir" "$split"
        count "${options[@]}" --indirect
        entry "$name.indirect" "$value" "vq.split.$1.ir" "$split"
        for batch in 1 8; do
            count "${options[@]}" --indirect --batch $batch
            entry "$name.indirect.batch$batch" "$value" "vq.split.$1.ir" "$split"
        done
    done
}

{
    family 2 100
    family 3 130
} >"$work/entries"
sed 's/[{}"]//g; s/,/  /g' "$work/entries"
"$here/merge.sh" "$results" <"$work/entries"
