#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What hours.sh makes of ledgers: each line counts once, and only under the target's present number.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VMMP_FUZZ_TREE="$work/tree" VMMP_FUZZ_PAGE="$work/page"
mkdir -p "$work/tree" "$work/a/fuzz" "$work/b/fuzz"

cat >"$work/tree/starts.csv" <<END
target,start,why
fuzz_gdb,1,a new parser
END
cat >"$work/tree/ledger.csv" <<END
# kept
2026-01-01T00:00:00Z,fuzz_smc,0,aaaa,1800,10,0
2026-01-01T01:00:00Z,fuzz_gdb,0,aaaa,7200,10,0
END
cat >"$work/a/fuzz/ledger.csv" <<END
2026-01-01T00:00:00Z,fuzz_smc,0,aaaa,1800,10,0
2026-01-02T00:00:00Z,fuzz_smc,0,bbbb+,1800,32,1
END
cat >"$work/b/fuzz/ledger.csv" <<END
2026-01-03T00:00:00Z,fuzz_gdb,1,cccc,60,7,0
2026-01-03T00:00:00Z,fuzz_of_the_past,0,cccc,60,7,0
END
cat >"$work/page" <<END
before
<!-- table by tests/fuzz/hours.sh --write -->
old
<!-- end of the table -->
after
END

failed=0
expect() # TITLE TEXT FILE
{
    grep -qxF "$2" "$3" || {
        echo "hours: $1: no line \"$2\" in:" && cat "$3" && failed=1
    }
}

"$here/hours.sh" "$work/a" "$work/b" >"$work/table"
expect "a line of two ledgers counts once" '| `fuzz_smc` | 60 | 42 | 1 | bbbb+ | 2026-01-02 |' "$work/table"
expect "time under another number does not count" '| `fuzz_gdb` | 1 | 7 | 0 | cccc | 2026-01-03 |' "$work/table"
expect "what was never run" '| `fuzz_vfio` | 0 | 0 | 0 | - | - |' "$work/table"
"$here/hours.sh" --due "$work/a" "$work/b" >"$work/due"
expect "below an hour" fuzz_gdb "$work/due"
! grep -qx fuzz_smc "$work/due" || { echo "hours: a target with its hour is due" && failed=1; }
[ "$(tail -n 1 "$work/due")" = fuzz_gdb ] || { echo "hours: least run is not first" && failed=1; }

"$here/hours.sh" --write "$work/a" "$work/b"
rm -r "$work/a" "$work/b"
"$here/hours.sh" >"$work/again"
diff "$work/table" "$work/again" || { echo "hours: the tree does not keep the lines" && failed=1; }
"$here/hours.sh" --write
for line in before after '# kept' "$(sed -n 3p "$work/table")"; do
    cat "$work/page" "$work/tree/ledger.csv" >"$work/both"
    expect "written" "$line" "$work/both"
done
! grep -qx old "$work/page" || { echo "hours: the old table stays" && failed=1; }
[ "$(grep -c '^| `fuzz_smc`' "$work/page")" = 1 ] || { echo "hours: two tables" && failed=1; }
exit $failed
