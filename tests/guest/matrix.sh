#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Boot the guest's self-check over vCPUs x memory x interrupt controllers x kernels.
#
#   tests/guest/matrix.sh [--full] [--timeout SECONDS] [--only PATTERN] VMM
#
# Without --full a set of 15 boots in which every pair of values occurs; with it, all 60. VMM is the
# arm64 build of vmm ("qemu": Debian 13's QEMU instead). --only keeps the boots whose name matches
# (names are "CPUS MEMORY GIC KERNEL"). --timeout is for each boot (default 180).
#
# On an arm64 machine with a KVM of its own (VMMP_RUN=direct) the boots run there; otherwise in
# emulated machines, one for each interrupt controller, side by side. A table is printed, one row
# for each boot; the exit status is 0 when every boot was ok.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$tools/guest.sh"

all_cpus=(1 2 4)
all_memory=(128M 512M 2512M 2513M 3G)
all_gics=(2 3)
all_kernels=(6.12 6.1)
full=0
limit=180
only=
vmm=
temp=
machines=()

parse_options()
{
	read_options '--full:full --timeout=limit --only=only' "$@"
	vmm=${arguments[0]-}
	[ -n "$vmm" ] || usage_error "the path of the arm64 vmm is needed"
}

# list_full, list_pairwise: lines "CPUS MEMORY GIC KERNEL".
list_full()
{
	local c m g k
	for g in "${all_gics[@]}"; do for k in "${all_kernels[@]}"; do
		for m in "${all_memory[@]}"; do for c in "${all_cpus[@]}"; do
			echo "$c $m $g $k"
		done; done
	done; done
}

# Every pair of CPUs and memory sizes once. The controller alternates along both; the second kernel
# takes one number of CPUs for each memory size, a different one for neighbours.
list_pairwise()
{
	local c m
	for m in "${!all_memory[@]}"; do for c in "${!all_cpus[@]}"; do
		echo "${all_cpus[c]} ${all_memory[m]} ${all_gics[(c + m) % 2]} ${all_kernels[c == m % 3]}"
	done; done
}

# write_boots GIC FILES: the script that runs the boots of one controller in sequence, reading
# "CPUS MEMORY GIC KERNEL" lines. FILES: the folder of kernels and roots as the script sees it.
# shellcheck disable=SC2016 # the variables are that script's
write_boots()
{
	local files=$2 inside=$vmm c m g k
	[ "$files" != /guest ] || [ "$vmm" = qemu ] || inside=/guest/vmm
	echo 'boot() {'
	echo '	name=$1; shift; read -r begin rest </proc/uptime'
	echo '	if sh "$@" >"/tmp/out.$$" 2>"/tmp/err.$$"; then result=ok; else result=FAILED; fi'
	echo '	read -r end rest </proc/uptime'
	echo '	echo "$name $result $begin $end"; [ $result = ok ] || sed "s/^/  /" "/tmp/err.$$"'
	echo '}'
	while read -r c m g k; do
		[ "$g" = "$1" ] || continue
		vmm_command "$inside" "$files/linux-$k" "$files/guest-$k.cpio" "$guest_append $guest_without vmmp.selfcheck" "$m" "$c" "$g"
		echo "boot '$c $m $g $k' $files/selfcheck.sh --timeout $limit --cpus $c --memory $(size_mib "$m") --" \
			"$(printf "'%s' " "${vmm_command[@]}")"
	done
	echo 'rm -f "/tmp/out.$$" "/tmp/err.$$"'
}

# run_boots GIC: run them, where the KVM is.
run_boots()
{
	local gic=$1 files=$vmmp_build/testbed options
	if [ "${VMMP_RUN:-auto}" = direct ]; then
		write_boots "$gic" "$temp/direct" <"$temp/list" >"$temp/boots.$gic"
		exec sh "$temp/boots.$gic"
	fi
	write_boots "$gic" /guest <"$temp/list" >"$temp/boots.$gic"
	# Above the largest guest: a VMM refuses more than its machine has.
	options=(--gic "$gic" --memory 4096 --timeout $((120 + limit * $(wc -l <"$temp/list")))
		--file "$temp/boots.$gic:/guest/boots" --file "$here/selfcheck.sh:/guest/selfcheck.sh")
	for k in "${all_kernels[@]}"; do
		options+=(--file "$files/linux-$k:/guest/linux-$k" --file "$files/guest-$k.cpio:/guest/guest-$k.cpio")
	done
	if [ "$vmm" = qemu ]; then
		options+=(--qemu)
	else
		options+=(--file "$vmm:/guest/vmm")
	fi
	exec "$tools/testbed.sh" "${options[@]}" -- sh /guest/boots </dev/null
}

# print_rows: lines "CPUS MEMORY GIC KERNEL RESULT BEGIN END" as rows; others as they are. Not one awk
# for all of them: it would wait for a full buffer of rows before it says anything.
print_rows()
{
	local c m g k result begin end
	while IFS= read -r line; do
		read -r c m g k result begin end <<<"$line"
		case $result in
		ok | FAILED)
			printf '%4s %6s %4s %6s  %-6s %7.1f\n' "$c" "$m" "$g" "$k" "$result" \
				"$(awk -v begin="$begin" -v end="$end" 'BEGIN { print end - begin }')"
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done
}

# shellcheck disable=SC2317 # run by a trap
cleanup()
{
	local status=$? pid
	trap - EXIT INT TERM
	for pid in "${machines[@]}"; do
		kill "$pid" 2>/dev/null || continue
		wait "$pid" 2>/dev/null || true
	done
	[ -z "$temp" ] || rm -rf "$temp"
	exit "$status"
}

# prepare: images, the list of boots, and a folder that the direct way sees everything in.
prepare()
{
	local images=testbed
	[ "$vmm" != qemu ] || images=qemu
	"$tools/images.sh" $images
	if [ "$full" = 1 ]; then list_full; else list_pairwise; fi | grep -E -e "$only" >"$temp/list" ||
		die "no boot is called '$only'"
	mkdir "$temp/direct"
	ln -s "$vmmp_build"/testbed/* "$here/selfcheck.sh" "$temp/direct/"
}

# run_all: a machine for each controller, side by side; their rows in the order they come.
run_all()
{
	local gic
	mkfifo "$temp/rows"
	for gic in "${all_gics[@]}"; do
		run_boots "$gic" >"$temp/rows" 2>"$temp/errors.$gic" &
		machines+=($!)
	done
	tee "$temp/results" <"$temp/rows" | print_rows
	for gic in "${!machines[@]}"; do
		wait "${machines[gic]}" || sed "s/^/GICv${all_gics[gic]}: /" "$temp/errors.${all_gics[gic]}" >&2
	done
	machines=()
}

main()
{
	local total good begin=$SECONDS
	parse_options "$@"
	check_vmm "$vmm"
	temp=$(mktemp -d "${TMPDIR:-/tmp}/vmmp-matrix.XXXXXX")
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	prepare
	total=$(wc -l <"$temp/list")
	printf '%4s %6s %4s %6s  %-6s %7s\n' cpus memory gic kernel result seconds
	run_all
	good=$(grep -cE '^[0-9]+ [^ ]+ [23] [^ ]+ ok ' "$temp/results") || true
	echo "$good of $total boots ok in $((SECONDS - begin)) s"
	[ "$good" = "$total" ]
}

main "$@"
