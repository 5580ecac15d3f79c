#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Takes into the tree's seeds what a fuzzer has learned and they do not cover yet: few inputs that
# together reach every edge that the whole corpus does; the longest first, which reach most, and no
# more than 12 of them and 4 KiB for each target at a time.
# Usage: tests/fuzz/seeds.sh BUILD-FOLDER [fuzz_TARGET...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: $0 BUILD-FOLDER [fuzz_TARGET...]" >&2; exit 2; }
folder=$(cd "$1/fuzz" && pwd)
shift
if [ $# -eq 0 ]; then
    for source in "$here"/fuzz_*.c; do
        set -- "$@" "$(basename "$source" .c)"
    done
fi
room=4096
most=12
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for target; do
    seeds=$here/seeds/$target
    [ -d "$folder/corpus/$target" ] || continue
    rm -rf "$work/all"
    cp -r "$seeds" "$work/all"
    "$folder/$target" -set_cover_merge=1 -use_counters=0 -max_len=1024 "$work/all" "$folder/corpus/$target" >"$work/log" 2>&1 || {
        tail -n 5 "$work/log" >&2
        echo "seeds: $target failed" >&2
        exit 1
    }
    # Those that were seeds before keep their names; libFuzzer names by content, 40 digits.
    (cd "$work/all" && find . -type f -name '????????????????????????????????????????' -printf '%s %f\n') | sort -rn |
        awk -v room=$room -v most=$most '$1 <= room && most-- > 0 { room -= $1; print $2 }' >"$work/new"
    while read -r name; do
        cp "$work/all/$name" "$seeds/found-$(echo "$name" | cut -c 1-12)"
    done <"$work/new"
    echo "seeds: $target: $(wc -l <"$work/new") more"
done
