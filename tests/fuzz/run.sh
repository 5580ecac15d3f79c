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
#
# What was run is noted in BUILD-FOLDER/fuzz/ledger.csv (tests/fuzz/hours.sh sums it up), also when
# SIGTERM or SIGINT end it early; the 5 seconds that make test takes are too short to note.
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

# The commit that the fuzzers are built from, with a + when anything they have in them differs from it.
sources()
{
    commit=$(git -C "$here" rev-parse --short=12 HEAD 2>/dev/null) || commit=unknown
    [ -z "$(git -C "$here/../.." status --porcelain -- src include arch_include plat_include hosted \
        vmm tests/fuzz/*.[ch] tests/unit/support 2>/dev/null)" ] || commit=$commit+
    echo "$commit"
}

if [ $build = 1 ]; then
    CC=${CLANG:-clang} cmake -G Ninja -S "$here" -B "$folder" >"$folder/cmake.log" || {
        cat "$folder/cmake.log" >&2
        exit 1
    }
    cmake --build "$folder"
    sources >"$folder/sources"
    cp "$here/starts.csv" "$folder/starts.csv"
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

# Processor seconds of the commands so far into $spent. Not as a $(): a subshell has had none.
count_spent()
{
    times >"$folder/$target.times"
    spent=$(awk -F '[ms ]+' 'NR == 2 { print $1 * 60 + $2 + $3 * 60 + $4 }' "$folder/$target.times")
}

# note FINDINGS: a line for what $target has just run.
note()
{
    [ "$seconds" -ge 30 ] || return 0
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$target.log")
    count_spent
    awk -v before="$spent_before" -v now="$spent" -v target="$target" -v findings="$1" \
        -v time="$(date -u +%Y-%m-%dT%H:%M:%SZ)" -v start="$(VMMP_FUZZ_TREE=$folder "$here/hours.sh" --start "$target" 2>/dev/null)" \
        -v sources="$(cat "$folder/sources" 2>/dev/null || echo unknown)" -v executions="${executions:-0}" 'BEGIN {
            printf "%s,%s,%d,%s,%.0f,%d,%d\n", time, target, start, sources, now - before, executions, findings
        }' >>"$folder/ledger.csv"
}

# libFuzzer ends by itself when it is interrupted, with the figures of what it has done.
fuzzer=
interrupted()
{
    trap '' INT TERM
    [ -z "$fuzzer" ] || kill -TERM "$fuzzer" 2>/dev/null || true
    [ -z "$fuzzer" ] || wait "$fuzzer" || true
    [ -z "$fuzzer" ] || note 0
    echo "fuzz: interrupted" >&2
    exit 1
}
trap interrupted INT TERM

failed=
for target; do
    [ -x "$folder/$target" ] || { echo "fuzz: there is no $target" >&2; exit 2; }
    corpus=$folder/corpus/$target
    mkdir -p "$corpus"
    echo "fuzz: $target for $seconds s, $(find "$corpus" -type f | wc -l) inputs known"
    count_spent
    spent_before=$spent
    "$folder/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=4096 -print_final_stats=1 -verbosity=1 -artifact_prefix="$folder/crashes/$target-" \
        "$corpus" "$here/seeds/$target" >"$folder/$target.log" 2>&1 &
    fuzzer=$!
    status=0
    wait $fuzzer || status=$?
    fuzzer=
    note $((status != 0))
    if [ $status -ne 0 ]; then
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
