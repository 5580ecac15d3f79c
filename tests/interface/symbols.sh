#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every external symbol of the library is vmmp_* or a name of the compatible interface.
# Usage: symbols.sh BUILD-FOLDER SOURCE-FOLDER
set -eu
build=$1
allowed=$2/tests/interface/compatible_symbols.txt
status=0
found=0
for library in "$build"/libsel4vmmplatsupport-*.a; do
    [ -e "$library" ] || continue
    found=1
    strange=$(nm --defined-only --extern-only "$library" 2>/dev/null |
        awk 'NF == 3 && $2 ~ /[A-Z]/ { print $3 }' | sort -u |
        grep -v -E '^(vmmp_|__asan_|__odr_asan|__ubsan_|__tsan_|___asan)' |
        grep -v -x -F -f "$allowed" || true)
    if [ -n "$strange" ]; then
        echo "$(basename "$library") defines names that clients may own:" $strange
        status=1
    fi
done
if [ "$found" = 0 ]; then
    echo "no library found in $build"
    exit 1
fi
exit $status
