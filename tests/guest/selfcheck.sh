#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Run a VMM whose guest is in self-check mode (tests/guest/init), and judge what the guest says.
# This script runs beside the VMM: in the testbed's machine (busybox) or on an arm64 host.
#
#   selfcheck.sh [--timeout S] [--cpus N] [--memory MIB] [--verbose] -- VMM [ARGUMENT]...
#
# The VMM's standard input and output are the guest's console. A random nonce is sent through it,
# and must come back hashed. With --cpus and --memory the guest must see that many CPUs and about
# that much memory. --verbose shows everything the guest says.
# Success: exactly one line "SELFCHECK ok nonce=… kernel=… cpus=… mem=…" on standard output, status
# 0. Otherwise the reasons and the end of the console's output on standard error, status 1.

limit=300
cpus=
memory=
verbose=0
failures=0
return=$(printf '\r')
dir=
vmm=

usage()
{
	echo "selfcheck.sh: $1; usage: selfcheck.sh [--timeout S] [--cpus N] [--memory MIB] [--verbose] -- VMM…" >&2
	exit 2
}

complain()
{
	failures=$((failures + 1))
	echo "selfcheck: $*" >&2
}

# shellcheck disable=SC2317 # run by a trap
cleanup()
{
	status=$?
	trap - EXIT INT TERM
	[ -z "$vmm" ] || kill -9 "$vmm" 2>/dev/null
	[ -z "$dir" ] || rm -rf "$dir"
	exit $status
}

# field NAME LINE: the value of NAME=… in LINE.
field()
{
	for word in $2; do
		case $word in "$1"=*) echo "${word#*=}" ;; esac
	done
}

# start: run the VMM with its console on descriptors 4 (to the guest) and 5 (from it).
start()
{
	mkfifo "$dir/in" "$dir/out" || exit 1
	exec 4<>"$dir/in"
	timeout -s KILL "$limit" "$@" <"$dir/in" >"$dir/out" 4>&- &
	vmm=$!
	exec 5<"$dir/out"
}

# listen: read the console until the VMM closes it.
listen()
{
	while IFS= read -r line <&5; do
		line=${line%"$return"}
		echo "$line" >>"$dir/console"
		[ "$verbose" = 0 ] || echo "guest: $line" >&2
		case $line in
		*"VMMP system "*) system=${line#*VMMP system } ;;
		*"VMMP fail "*) complain "the guest says: ${line#*VMMP fail }" ;;
		*"VMMP ready"*) echo "$nonce" >&4 ;;
		*"VMMP hash "*) hash=${line#*VMMP hash } ;;
		*"VMMP done "*) result=${line#*VMMP done } ;;
		esac
	done
}

# judge_system: the guest's CPUs and memory against what the VMM was told.
judge_system()
{
	[ -z "$cpus" ] || [ "$(field cpus "$system")" = "$cpus" ] ||
		complain "the guest has $(field cpus "$system") CPUs online, not $cpus"
	[ -n "$memory" ] || return 0
	# The kernel keeps a part for itself: its image, and a page structure for each page.
	seen=$(($(field memory "$system") / 1024))
	if [ $seen -gt "$memory" ] || [ $seen -lt $((memory - memory / 16 - 80)) ]; then
		complain "the guest has $seen MiB of memory, which does not fit the $memory MiB it was given"
	fi
}

judge()
{
	if [ -z "$result" ]; then
		complain "the guest did not finish its check (VMM's exit status $1, after $2 s of at most $limit)"
		return
	fi
	[ "$1" = 0 ] || complain "the VMM's exit status is $1"
	[ "$hash" = "$(printf %s "$nonce" | sha256sum | cut -d' ' -f1)" ] ||
		complain "the guest's answer to the nonce is wrong"
	[ "$result" = 0 ] || [ $failures -gt 0 ] || complain "the guest's result is $result"
	judge_system
}

main()
{
	while [ $# -gt 0 ]; do
		case $1 in
		--timeout) limit=$2 && shift ;;
		--cpus) cpus=$2 && shift ;;
		--memory) memory=$2 && shift ;;
		--verbose) verbose=1 ;;
		--) shift && break ;;
		*) usage "unknown option '$1'" ;;
		esac
		shift
	done
	[ $# -gt 0 ] || usage "a VMM is needed after --"
	dir=$(mktemp -d) || exit 1
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	nonce=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	begin=$(date +%s)
	start "$@"
	listen
	wait "$vmm"
	status=$?
	vmm=
	judge $status $(($(date +%s) - begin))
	if [ $failures -gt 0 ]; then
		[ "$verbose" = 1 ] || tail -n 20 "$dir/console" 2>/dev/null | sed 's/^/guest: /' >&2
		exit 1
	fi
	echo "SELFCHECK ok nonce=$nonce kernel=$(field kernel "$system")" \
		"cpus=$(field cpus "$system") mem=$(field memory "$system")K"
}

main "$@"
