#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds the fuzzers with clang and runs each for MINUTES minutes (1), or for SECONDS_EACH seconds.
# With CLANG=afl-clang-fast they are built for AFL++ (docs/fuzzing.md), which then runs them.
# Usage: tests/fuzz/run.sh [--build|--run] BUILD-FOLDER [fuzz_TARGET...]
#   --build: only build them; --run: only run them
#
# What they learn is kept in BUILD-FOLDER/fuzz/corpus/TARGET and used again. The inputs to begin with
# are in tests/fuzz/seeds/TARGET. An input that breaks something is left in
# BUILD-FOLDER/fuzz/crashes; to see it again: BUILD-FOLDER/fuzz/TARGET THAT-FILE
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=1 run=1
case ${1:-} in
--build) run=0 && shift ;;
--run) build=0 && shift ;;
esac
[ $# -ge 1 ] || { echo "usage: $0 [--build|--run] BUILD-FOLDER [fuzz_TARGET...]" >&2; exit 2; }
mkdir -p "$1/fuzz/crashes"
folder=$(cd "$1/fuzz" && pwd)
shift

if [ $build = 1 ]; then
    CC=${CLANG:-clang} cmake -G Ninja -S "$here" -B "$folder" >"$folder/cmake.log" || {
        cat "$folder/cmake.log" >&2
        exit 1
    }
    cmake --build "$folder"
fi
[ $run = 1 ] || exit 0
if [ $# -eq 0 ]; then
    for source in "$here"/fuzz_*.c; do
        set -- "$@" "$(basename "$source" .c)"
    done
fi

# 0 would be for ever.
case ${MINUTES:=1} in
*[!0-9]* | 0) echo "fuzz: MINUTES=$MINUTES is not a number of minutes" >&2 && exit 2 ;;
esac
seconds=${SECONDS_EACH:-$((MINUTES * 60))}

# A hang or a leak is a crash too; symbolized reports need llvm-symbolizer in PATH.
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
failed=
for target; do
    [ -x "$folder/$target" ] || { echo "fuzz: there is no $target" >&2; exit 2; }
    corpus=$folder/corpus/$target
    mkdir -p "$corpus"
    echo "fuzz: $target for $seconds s, $(find "$corpus" -type f | wc -l) inputs known"
    if ! "$folder/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=4096 -print_final_stats=1 -verbosity=1 -artifact_prefix="$folder/crashes/$target-" \
        "$corpus" "$here/seeds/$target" >"$folder/$target.log" 2>&1; then
        failed="$failed $target"
        grep -E 'ERROR|broken:|runtime error|SUMMARY' "$folder/$target.log" || true
        sed -n 's/.*Test unit written to /fuzz: crashing input: /p' "$folder/$target.log"
        echo "fuzz: $target failed, see $folder/$target.log"
        continue
    fi
    grep -E '^#.* cov: ' "$folder/$target.log" | tail -n 1
    grep 'average_exec_per_sec' "$folder/$target.log" || true
done
[ -z "$failed" ] || { echo "fuzz: failed:$failed" >&2; exit 1; }
