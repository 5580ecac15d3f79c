#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Boot a stock Debian guest under our VMM on KVM.
#
#   tools/run.sh [OPTION]... VMM
#
# VMM is the arm64 build of vmm ("qemu": Debian 13's QEMU instead, to try the testbed itself), or
# with --guest x86_64 the program vmm-x86_64.
# With a terminal as standard input: a shell in the guest (Ctrl-A x leaves). Otherwise, or with
# --selfcheck, the guest checks itself and answers a nonce, and one line "SELFCHECK ok …" is printed.
#
#   --guest NAME             debian (default); armmp: Debian's 32-bit kernel on the same machine;
#                            exynos5422, jetson-tk1: the same kernel on an ODROID-XU4, on a Jetson TK1
#                            (docs/boards);
#                            x86_64: Debian on a PC (docs/x86.md)
#   --kernel 6.12|6.1|FILE   guest kernel (default 6.12; x86_64: also i686, Debian 12's 32-bit one)
#   --initrd FILE            its initial root (default: busybox)
#   --memory SIZE            default 512M
#   --cpus N                 default 1; of 32-bit guests the emulated machine runs no more
#   --gic 2|3                default 3
#   --append STRING          more of the kernel's command line
#   --file SRC:DST           carry another file into the testbed's machine
#   --timeout SECONDS        of the self-check (default 300)
#   --verbose                show what the guest says during the self-check
#
# On a machine of the guest's kind it is tried on the machine's own KVM first, for at most a minute; where
# that does not work, and elsewhere, KVM comes from an emulated machine (tools/testbed.sh).
# VMMP_RUN=direct or VMMP_RUN=testbed chooses. VMMP_NO_KVM=1 takes KVM away, which must fail.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/lib.sh
. "$here/lib.sh"
# shellcheck source=tools/guest.sh
. "$here/guest.sh"

guest=debian
kernel=
initrd=
memory=512M
cpus=1
gic=3
append=
more=()
carry=()
limit=300
verbose=
selfcheck=0
vmm=

parse_options()
{
	read_options '--selfcheck:selfcheck --verbose:verbose --guest=guest --kernel=kernel --initrd=initrd --memory=memory --cpus=cpus --gic=gic --append+more --file+carry --timeout=limit' "$@"
	vmm=${arguments[0]-}
	[ -n "$vmm" ] || usage_error "the path of the vmm is needed"
	[ ${#arguments[@]} = 1 ] || usage_error "one VMM, not '${arguments[1]}' as well"
	[ "$guest" != x86_64 ] || guest_arch=x86_64
	[ -t 0 ] || selfcheck=1
}

# resolve_guest: what $guest means: $kernel, $initrd and $dtb as files, $append.
resolve_guest()
{
	local release=6.12
	append=$guest_append
	dtb=
	case $guest in
	debian) "$here/images.sh" guest ;;
	armmp) release=armmp ;;
	x86_64)
		release=6.12-amd64
		"$here/images.sh" x86
		case $kernel in
		6.1 | 6.12) kernel=$vmmp_build/testbed/linux-$kernel-amd64 release=${kernel##*/linux-} ;;
		i686) kernel=$vmmp_build/testbed/linux-6.1-i686 release=6.1-i686 ;;
		esac
		;;
	exynos5422)
		release=armmp
		dtb=$vmmp_build/testbed/exynos5422-odroidxu4.dtb
		append=$exynos_append
		gic=2
		;;
	jetson-tk1)
		release=armmp
		dtb=$vmmp_build/testbed/tegra124-jetson-tk1.dtb
		append=$tk1_append
		gic=2
		;;
	*) usage_error "--guest is debian, armmp, exynos5422, jetson-tk1 or x86_64, not '$guest'" ;;
	esac
	[ "$release" != armmp ] || "$here/images.sh" armmp
	case $kernel in 6.1 | 6.12) release=$kernel kernel= ;; esac
	[ -n "$kernel" ] || kernel=$vmmp_build/testbed/linux-$release
	[ -n "$initrd" ] || initrd=$vmmp_build/testbed/guest-$release.cpio
	append="$append${more[*]:+ ${more[*]}}"
}

# guest_command VMM KERNEL INITRD DTB APPEND: set $vmm_command.
guest_command()
{
	if [ -n "$dtb" ]; then
		board_command "$guest" "$1" "$2" "$3" "$4" "$5" "$memory" "$cpus"
	else
		vmm_command "$1" "$2" "$3" "$5" "$memory" "$cpus" "$gic"
	fi
}

# checked VMM KERNEL INITRD DTB LIMIT SELFCHECK: the self-check's command in $checked.
checked()
{
	guest_command "$1" "$2" "$3" "$4" "$append vmmp.selfcheck"
	checked=("$6" --timeout "$5" --cpus "$cpus" --memory "$(size_mib "$memory")" ${verbose:+--verbose} --
		"${vmm_command[@]}")
}

# try_direct: check a guest on this machine's KVM; its line is kept in $answer.
try_direct()
{
	[ "${VMMP_RUN:-auto}" != testbed ] && [ "${VMMP_NO_KVM:-0}" != 1 ] || return 1
	[ "${VMMP_RUN:-auto}" = direct ] || [ "$(uname -m)" = "$guest_arch" ] || return 1
	# On x86 there are KVMs that only emulate, and never come to an end: a million turns of a loop tell.
	local try=60 judge
	judge=$(dirname "$vmm")/../tests/guest/bare_x86/kvm-bare-x86
	if [ "$guest_arch" = x86_64 ] && [ "${VMMP_RUN:-auto}" != direct ] && [ -x "$judge" ] &&
		! answer=$("$judge" --fast); then
		note "${answer:-the KVM of this machine cannot be tried}; using the emulated machine"
		return 1
	fi
	[ "$guest_arch" = aarch64 ] || try=20
	[ "${VMMP_RUN:-auto}" != direct ] || try=$limit
	checked "$vmm" "$kernel" "$initrd" "$dtb" "$try" "$vmmp_root/tests/guest/selfcheck.sh"
	answer=$(sh "${checked[@]}") && return 0
	[ "${VMMP_RUN:-auto}" != direct ] || exit 1
	note "this machine's own KVM did not run the guest; using the emulated machine"
	return 1
}

run_direct()
{
	if [ "$selfcheck" = 1 ]; then
		echo "$answer"
		exit 0
	fi
	guest_command "$vmm" "$kernel" "$initrd" "$dtb" "$append"
	exec "${vmm_command[@]}"
}

run_testbed()
{
	case $guest-$cpus in
	armmp-1 | exynos5422-1 | jetson-tk1-1) ;;
	armmp-* | exynos5422-* | jetson-tk1-*)
		die "the emulated machine runs 32-bit guests with one CPU only, by a defect of QEMU's that docs/arm.md describes: use --cpus 1"
		;;
	esac
	# A VMM refuses more than its machine has; what is not touched costs nothing.
	local inside=/vmm file options=(--arch "$guest_arch" --gic "$gic" --memory $(($(size_mib "$memory") + 1024)) --file "$kernel:/linux" --file "$initrd:/initrd")
	for file in "${carry[@]}"; do options+=(--file "$file"); done
	if [ "$guest_arch" = x86_64 ]; then
		[ "$vmm" != qemu ] || usage_error "'qemu' is for aarch64"
		options+=(--file "$vmm:/vmm")
	elif [ "$vmm" = qemu ]; then
		inside=qemu
		options+=(--qemu)
		"$here/images.sh" qemu
	else
		"$here/images.sh" testbed
		options+=(--file "$vmm:/vmm")
	fi
	[ -z "$dtb" ] || options+=(--file "$dtb:/dtb")
	[ "${VMMP_NO_KVM:-0}" != 1 ] || options+=(--no-kvm)
	[ -z "$verbose" ] || options+=(--verbose)
	note "booting the emulated machine, and the guest in it (some 15 seconds)…"
	if [ "$selfcheck" = 1 ]; then
		checked "$inside" /linux /initrd /dtb "$limit" /selfcheck.sh
		options+=(--timeout $((limit + 120)) --file "$vmmp_root/tests/guest/selfcheck.sh:/selfcheck.sh")
		exec "$here/testbed.sh" "${options[@]}" -- sh "${checked[@]}" </dev/null
	fi
	guest_command "$inside" /linux /initrd /dtb "$append"
	exec "$here/testbed.sh" "${options[@]}" --timeout 0 --terminal -- "${vmm_command[@]}"
}

main()
{
	parse_options "$@"
	check_vmm "$vmm"
	case $memory in *[!0-9KMGkmg]*) usage_error "'$memory' is not a memory size: say 512M or 3G" ;; esac
	resolve_guest
	if try_direct; then
		run_direct
	fi
	run_testbed
}

main "$@"
