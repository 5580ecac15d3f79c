#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds the fuzzers with clang and runs each for SECONDS_EACH seconds (60).
# Usage: tests/fuzz/run.sh BUILD-FOLDER [fuzz_TARGET...]
#
# What they learn is kept in BUILD-FOLDER/fuzz/corpus/TARGET and used again. The inputs to begin with
# are in tests/fuzz/seeds/TARGET. An input that breaks something is left in
# BUILD-FOLDER/fuzz/crashes; to see it again: BUILD-FOLDER/fuzz/TARGET THAT-FILE
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: $0 BUILD-FOLDER [fuzz_TARGET...]" >&2; exit 2; }
mkdir -p "$1/fuzz/crashes"
build=$(cd "$1/fuzz" && pwd)
shift
seconds=${SECONDS_EACH:-60}

CC=${CLANG:-clang} cmake -G Ninja -S "$here" -B "$build" >"$build/cmake.log" || {
    cat "$build/cmake.log" >&2
    exit 1
}
cmake --build "$build"
if [ $# -eq 0 ]; then
    for source in "$here"/fuzz_*.c; do
        set -- "$@" "$(basename "$source" .c)"
    done
fi

# A hang or a leak is a crash too; symbolized reports need llvm-symbolizer in PATH.
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
failed=
for target; do
    [ -x "$build/$target" ] || { echo "fuzz: there is no $target" >&2; exit 2; }
    corpus=$build/corpus/$target
    mkdir -p "$corpus"
    echo "fuzz: $target for $seconds s, $(find "$corpus" -type f | wc -l) inputs known"
    if ! "$build/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=4096 -print_final_stats=1 -verbosity=1 -artifact_prefix="$build/crashes/$target-" \
        "$corpus" "$here/seeds/$target" >"$build/$target.log" 2>&1; then
        failed="$failed $target"
        grep -E 'ERROR|broken:|runtime error|SUMMARY' "$build/$target.log" || true
        sed -n 's/.*Test unit written to /fuzz: crashing input: /p' "$build/$target.log"
        echo "fuzz: $target failed, see $build/$target.log"
        continue
    fi
    grep -E '^#.* cov: ' "$build/$target.log" | tail -n 1
    grep 'average_exec_per_sec' "$build/$target.log" || true
done
[ -z "$failed" ] || { echo "fuzz: failed:$failed" >&2; exit 1; }
