# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# What tests there are, for tables that name them. Sourced.

# tests_of SOURCE-FOLDER: "unit GROUP NAME" of each unit test, "guest SCRIPT NAME" of each check of a
# real guest. A unit test is a function that a group defines and mentions once more: runs it.
tests_of()
{
	find "$1/tests/unit" -name 'test_*.c' -exec awk '
		FNR == 1 {
			group = FILENAME
			sub(/.*\/test_/, "", group)
			sub(/\.c$/, "", group)
		}
		/^static void [a-z0-9_]+\(void \*\*state\)$/ {
			name = $3
			sub(/\(.*/, "", name)
			defined[group, name] = 1
			next
		}
		{
			line = $0
			while (match(line, /[A-Za-z_][A-Za-z0-9_]*/)) {
				name = substr(line, RSTART, RLENGTH)
				line = substr(line, RSTART + RLENGTH)
				if ((group, name) in defined) {
					print "unit", group, name
					delete defined[group, name]
				}
			}
		}' {} +
	# Part names of loops, "check data.$round", are not what a row can name.
	for script in "$1"/tests/guest/devices/*.sh; do
		device=${script##*/}
		sed -n "s/^[[:space:]]*check \([A-Za-z0-9._\/-]*\) .*/guest device-${device%.sh} \1/p" "$script"
	done
}
