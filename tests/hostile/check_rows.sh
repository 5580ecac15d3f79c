#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Judges rows.csv: each class of mistake, each known vulnerability and each defect of the original
# library that a guest could make use of has a row, and the row names tests that exist.
#
#   check_rows.sh SOURCE-FOLDER [TABLE]
#   check_rows.sh --self-test SOURCE-FOLDER    a table without a row, or without its tests, is refused
set -eu
. "$(dirname "$0")/../test_names.sh"

# The rows that there have to be, one a line.
required()
{
	for letter in a b c d e f g h i j k l; do
		echo "class $letter"
	done
	for id in CVE-2026-5747 CVE-2019-18960 CVE-2026-45782 GHSA-jmr4-g2hv-mjj6 CVE-2011-2512 \
		CVE-2016-5403 CVE-2016-6490 CVE-2017-17381 CVE-2021-3748 CVE-2022-26353 CVE-2023-6693 \
		CVE-2024-3446 CVE-2021-3416 CVE-2021-20255 CVE-2024-26327 CVE-2024-26328 CVE-2024-11614 \
		CVE-2021-45464 CVE-2020-28346 CVE-2019-18844 cloud-hypervisor#7917 CVE-2026-48914 \
		CVE-2023-3494 CVE-2024-32668 CVE-2015-3456 CVE-2019-14835 CVE-2024-8612; do
		echo "$id"
	done
	seq -f 'defect %g' 1 41
}

# check TABLE: with the tests in $work/tests and the rows in $work/required
check()
{
	awk -F, -v tests_file="$work/tests" -v required_file="$work/required" -v table="$1" '
		function complain(what) {
			printf "%s: %s\n", table, what
			bad = 1
		}
		FILENAME == tests_file {
			split($0, word, " ")
			known[word[2] (word[1] == "guest" ? ":" : "/") word[3]] = 1
			next
		}
		FILENAME == required_file {
			missing[$0] = 1
			next
		}
		FNR == 1 {
			if ($0 != "row,title,tests,note") {
				complain("the first line does not name the columns")
			}
			next
		}
		NF != 4 || $2 == "" {
			complain($1 " is not a row of four columns")
			next
		}
		seen[$1]++ {
			complain($1 " is there twice")
		}
		{
			rows++
			delete missing[$1]
			count = split($3, name, " ")
			if (!count) {
				complain($1 " has no test")
			}
			for (i = 1; i <= count; i++) {
				if (!(name[i] in known)) {
					complain($1 ": there is no test " name[i])
				} else if (!(name[i] in used)) {
					used[name[i]] = 1
					tests++
				}
			}
		}
		END {
			for (row in missing) {
				complain("there is no row " row)
			}
			printf "%d rows, shown by %d tests\n", rows, tests
			exit bad
		}' "$work/tests" "$work/required" "$1"
}

# refused WHAT TABLE: or says so
refused()
{
	if said=$(check "$2"); then
		echo "accepted, which was to be refused: $1"
		return 1
	fi
	if ! echo "$said" | grep -q -F -e "$1"; then
		printf 'refused, but not because "%s":\n%s\n' "$1" "$said"
		return 1
	fi
}

self_test()
{
	sed '/^CVE-2016-5403,/d' "$1" >"$work/no-row.csv"
	sed 's/^\(defect 12,[^,]*\),[^,]*,/\1,,/' "$1" >"$work/no-test.csv"
	sed 's/^\(class c,[^,]*\),[^,]*,/\1,virtio\/nothing_of_the_kind,/' "$1" >"$work/unknown.csv"
	sed '/^defect 7,/p' "$1" >"$work/twice.csv"
	refused "there is no row CVE-2016-5403" "$work/no-row.csv"
	refused "defect 12 has no test" "$work/no-test.csv"
	refused "class c: there is no test virtio/nothing_of_the_kind" "$work/unknown.csv"
	refused "defect 7 is there twice" "$work/twice.csv"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
required >"$work/required"
case ${1:-} in
--self-test)
	tests_of "$2" >"$work/tests"
	self_test "$2/tests/hostile/rows.csv"
	;;
*)
	tests_of "$1" >"$work/tests"
	check "${2:-$1/tests/hostile/rows.csv}"
	;;
esac
