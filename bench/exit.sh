#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Instructions that bring an exit to the device behind one of N windows and its answer back, counted
# by callgrind; the ratio is to a machine with one window.
#
#   bench/exit.sh BUILD-FOLDER      (a build without sanitizers, see the Makefile's target gcc)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?bench/exit.sh: the build folder is needed}
command -v valgrind >/dev/null || {
    echo "bench: exit instruction counts skipped: no valgrind (apt-get install valgrind)"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# per_exit WINDOWS: instructions
per_exit()
{
    local printed exits
    printed=$(valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no \
        --toggle-collect=hosted_vcpu_mmio_begin "$build/gcc/bench/bench-exit" --windows "$1" \
        2>"$work/log") || {
        cat "$work/log" >&2
        exit 1
    }
    exits=${printed#exits=}
    awk -v exits="${exits%% *}" \
        '/^(summary|totals):/ { printf "%.1f\n", $2 / exits; exit }' "$work/out"
}

one=$(per_exit 1)
for windows in 1 8 64 512; do
    awk -v windows="$windows" -v value="$(per_exit "$windows")" -v one="$one" 'BEGIN {
        printf "{\"name\":\"exit.dispatch.%u\",\"value\":%.1f,\"unit\":\"instructions\",\"better\":\"lower\",", windows, value
        printf "\"versus\":\"exit.dispatch.1\",\"versus_value\":%.1f,\"ratio\":%.3f}\n", one, value / one
    }'
done >"$work/entries"
sed 's/[{}"]//g; s/,/  /g' "$work/entries"
"$here/merge.sh" "$build/bench/results.json" <"$work/entries"
