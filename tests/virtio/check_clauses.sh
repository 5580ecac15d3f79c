#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Judges the clause table: every row is whole, what holds has a test that exists, what does not has
# a reason. README.md says what the columns mean.
#
#   check_clauses.sh SOURCE-FOLDER [TABLE]
#   check_clauses.sh --self-test SOURCE-FOLDER    each bad table has to be refused, and for its reason
set -eu

. "$(dirname "$0")/../test_names.sh"

# check TESTS TABLE: with the output of tests_of in the file TESTS
check()
{
	awk -F, -v tests_file="$1" -v table="$2" '
		function complain(what) {
			printf "%s:%d: %s\n", table, FNR, what
			bad = 1
		}
		FILENAME == tests_file {
			split($0, word, " ")
			known[word[2] (word[1] == "guest" ? ":" : "/") word[3]] = 1
			next
		}
		FNR == 1 {
			if ($0 != "section,title,verb,clause,status,tests,note") {
				complain("the first line does not name the columns")
			}
			next
		}
		{
			rows++
		}
		NF != 7 {
			complain("has " NF " columns, not 7: commas separate columns, and there is no quoting")
			next
		}
		/"/ {
			complain("has a quotation mark: there is no quoting")
		}
		$1 !~ /^[0-9]+(\.[0-9]+)*$/ {
			complain("\"" $1 "\" is no section number")
		}
		$2 == "" || length($4) < 12 {
			complain("title or clause is missing")
		}
		$3 !~ /^(MUST|SHOULD)( NOT)?$/ && $3 != "MAY" {
			complain("\"" $3 "\" is none of MUST, MUST NOT, SHOULD, SHOULD NOT, MAY")
		}
		seen[$1, $3, $4]++ {
			complain("is there twice")
		}
		$5 == "holds" {
			holds++
			if ($6 == "") {
				complain("holds, but no test shows it")
			}
		}
		$5 == "not offered" {
			absent++
			if ($7 == "") {
				complain("does not name the feature that is not offered")
			}
		}
		$5 == "deliberately not" {
			deviates++
			if (length($7) < 20) {
				complain("deviates without a reason")
			}
		}
		$5 != "holds" && $5 != "not offered" && $5 != "deliberately not" {
			complain("\"" $5 "\" is none of holds, not offered, deliberately not")
		}
		{
			count = split($6, name, " ")
			for (i = 1; i <= count; i++) {
				key = name[i]
				sub(/^guest\//, "", key)
				if (!(key in known) || (name[i] ~ /^guest\//) != (key ~ /:/)) {
					complain("there is no test " name[i])
				} else if (!(name[i] in used)) {
					used[name[i]] = 1
					tests++
				}
			}
		}
		END {
			if (!rows) {
				complain("has no rows")
			}
			printf "%d clauses: %d hold (shown by %d tests), %d not offered, %d deliberately not\n",
				rows, holds, tests, absent, deviates
			exit bad
		}' "$1" "$2"
}

# bad_tables.txt: what is to be said of a table, behind a #; the table; an empty line.
self_test()
{
	status=0
	awk -v RS= -v work="$work" '{
		file = work "/" NR
		print substr($0, 3, index($0, "\n") - 3) >file ".expected"
		print substr($0, index($0, "\n") + 1) >file ".csv"
	}' "$1/tests/virtio/bad_tables.txt"
	for table in "$work"/*.csv; do
		expected=$(cat "${table%.csv}.expected")
		if said=$(check "$work/tests" "$table"); then
			echo "accepted, which was to be refused: $expected"
			status=1
		elif ! echo "$said" | grep -q -F -e "$expected"; then
			printf 'refused, but not because "%s":\n%s\n' "$expected" "$said"
			status=1
		fi
	done
	return $status
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case ${1:-} in
--self-test)
	tests_of "$2" >"$work/tests"
	self_test "$2"
	;;
*)
	tests_of "$1" >"$work/tests"
	check "$work/tests" "${2:-$1/tests/virtio/clauses.csv}"
	;;
esac
