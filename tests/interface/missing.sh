#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every name of the compatible interface is defined by a library and used by a client of
# tests/interface/clients, and every client's header is there. Usage: missing.sh BUILD-FOLDER
# SOURCE-FOLDER, with all flavours built.
set -eu
build=$1
source=$2
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The specification's, still to be written. What is there is to be taken off this list.
not_yet=""

nm --defined-only --extern-only "$build"/libsel4vmmplatsupport-*.a 2>/dev/null |
    awk 'NF == 3 { print $3 }' | sort -u >"$work/defined"
find "$build/CMakeFiles" -path '*/clients-*' -name '*.o' -exec nm --undefined-only {} + |
    awk '$1 == "U" { print $2 }' | sort -u >"$work/used"

while read -r name; do
    known=$(echo "$not_yet" | tr -s ' ' '\n' | grep -x -F "$name" || true)
    if ! grep -q -x -F "$name" "$work/defined"; then
        echo "not defined${known:+ yet, as known}: $name"
        [ -n "$known" ] || status=1
    elif [ -n "$known" ]; then
        echo "defined by now (take it off the list in $0, and have a client use it): $name"
    elif ! grep -q -x -F "$name" "$work/used"; then
        echo "no client uses $name"
        status=1
    fi
done <"$source/tests/interface/compatible_symbols.txt"

cd "$source"
for client in $(cd tests/interface/clients && find . -mindepth 2 -name '*.c' | sed 's#^\./##' | sort); do
    root=${client%%/*}
    header=${client#*/}
    header=${header%.c}.h
    found=$(find include arch_include plat_include -path "*/$header" |
        grep -E "^(include|[a-z]+_include/$root)/" || true)
    if [ -z "$found" ]; then
        echo "no header: sel4vmmplatsupport/$header ($root)"
        status=1
    fi
done
exit $status
