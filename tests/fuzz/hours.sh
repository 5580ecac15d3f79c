#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# How long each fuzzer has run: sums up what run.sh noted, in build folders and in the tree's own
# tests/fuzz/ledger.csv, which has what build folders long gone have run.
# Usage: tests/fuzz/hours.sh [BUILD-FOLDER...]            prints the table
#        tests/fuzz/hours.sh --write [BUILD-FOLDER...]    puts it into docs/fuzzing.md, and the lines into the tree
#        tests/fuzz/hours.sh --due [BUILD-FOLDER...]      prints the targets below an hour, least run first
#        tests/fuzz/hours.sh --start TARGET               prints the number that the target's time counts under
#
# A ledger's line: time (UTC, at the end), target, start (starts.csv), commit, processor seconds,
# executions, findings. A + at the commit: with changes that were not committed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=${VMMP_FUZZ_TREE:-$here}
page=${VMMP_FUZZ_PAGE:-$here/../../docs/fuzzing.md}
hour=3600

start_of()
{
    awk -F, -v target="$1" '$1 == target { start = $2 } END { print start + 0 }' "$tree/starts.csv"
}

mode=table
case ${1:-} in
--write) mode="write" && shift ;;
--due) mode=due; shift ;;
--start)
    start_of "${2:?hours.sh: --start needs a target}"
    exit 0
    ;;
-*) echo "usage: $0 [--write|--due|--start TARGET] [BUILD-FOLDER...]" >&2 && exit 2 ;;
esac

# ledger BUILD-FOLDER...: all lines, each once.
ledger()
{
    {
        grep -h '^[0-9]' "$tree/ledger.csv" 2>/dev/null || true
        for folder; do
            cat "$folder/fuzz/ledger.csv" 2>/dev/null || true
        done
    } | sort -u
}

targets()
{
    for source in "$here"/fuzz_*.c; do
        name=$(basename "$source" .c)
        echo "$name,$(start_of "$name")"
    done
}

# sums BUILD-FOLDER...: "target seconds executions findings last-commit last-day" of each target, for what counts.
sums()
{
    ledger "$@" >"$work/ledger"
    targets | awk -F, '
        FNR == NR {
            start[$1] = $2
            order[++count] = $1
            next
        }
        $2 in start && $3 == start[$2] {
            seconds[$2] += $5
            executions[$2] += $6
            findings[$2] += $7
            commit[$2] = $4
            day[$2] = substr($1, 1, 10)
        }
        END {
            for (i = 1; i <= count; i++) {
                name = order[i]
                print name, seconds[name] + 0, executions[name] + 0, findings[name] + 0,
                    name in commit ? commit[name] : "-", name in day ? day[name] : "-"
            }
        }' - "$work/ledger"
}

table()
{
    sums "$@" | awk -v hour=$hour '
        BEGIN {
            print "| target | processor minutes | executions | findings | last on | at |"
            print "|---|---|---|---|---|---|"
        }
        {
            printf "| `%s` | %.0f | %d | %d | %s | %s |\n", $1, $2 / 60, $3, $4, $5, $6
            all += $2
            full += $2 >= hour
        }
        END {
            printf "\n%d of %d targets have had their hour; %.1f hours in all.\n", full, NR, all / 3600
        }'
}

# The lines between the marks give way to the table.
write()
{
    table "$@" >"$work/table"
    awk -v table="$work/table" '
        /<!-- end of the table/ { skip = 0 }
        !skip { print }
        /<!-- table by tests/ {
            skip = 1
            while ((getline line <table) > 0) {
                print line
            }
        }' "$page" >"$work/page"
    {
        sed '/^[0-9]/d' "$tree/ledger.csv"
        cat "$work/ledger"
    } >"$work/new"
    cp "$work/page" "$page"
    cp "$work/new" "$tree/ledger.csv"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $mode in
table) table "$@" ;;
write) write "$@" ;;
due) sums "$@" | awk -v hour=$hour '$2 < hour { print $2, $1 }' | sort -n | sed 's/.* //' ;;
esac
