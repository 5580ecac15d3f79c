#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Instructions per read from a RAM disk, counted by callgrind, beside those of the bare copy.
#
#   bench/blk.sh BUILD-FOLDER      (a build without sanitizers, see the Makefile's target gcc)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?bench/blk.sh: the build folder is needed}
program=$build/gcc/bench/bench-blk
command -v valgrind >/dev/null || {
    echo "bench: disk instruction counts skipped: no valgrind (apt-get install valgrind)"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# per_request OPTION...: instructions
per_request()
{
    local printed requests
    printed=$(valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no \
        --toggle-collect=bench_device "$program" "$@" 2>"$work/log")
    requests=${printed#requests=}
    awk -v requests="${requests%% *}" '/^(summary|totals):/ { printf "%.1f\n", $2 / requests; exit }' \
        "$work/out"
}

# count NAME OPTION...: one figure, the copy included, beside the copy alone
count()
{
    local name=$1 value bare
    shift
    value=$(per_request "$@")
    bare=$(per_request "$@" --bare)
    awk -v name="$name" -v value="$value" -v bare="$bare" 'BEGIN {
        printf "{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"instructions\",\"better\":\"lower\",", name, value
        printf "\"versus\":\"bare copy\",\"versus_value\":%.1f,\"ratio\":%.3f}\n", bare, value / bare
    }'
}

{
    count blk.rd4k.ir --bytes 4096
    count blk.rd4k.batch_1.ir --bytes 4096 --batch 1
    count blk.rd128k.ir --bytes 131072 --requests 320
    count blk.rd128k.batch_1.ir --bytes 131072 --batch 1 --requests 320
} >"$work/entries"
sed 's/[{}"]//g; s/,/  /g' "$work/entries"
"$here/merge.sh" "$build/bench/results.json" <"$work/entries"
