#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Install the Debian packages that building, testing and running need.
#
#   tools/deps.sh [--check] GROUP...    GROUP: build, test, run or all
#
# Nothing missing: silent and instantaneous. Otherwise the missing packages are named; as root they
# are installed, as anyone else (or with --check) the exact apt-get line is printed and the exit
# status is 1. VMMP_OFFLINE=1 refuses as well.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/lib.sh
. "$here/lib.sh"

build='gcc clang lld cmake ninja-build make pkg-config libfdt-dev zlib1g-dev liblz4-dev liblzma-dev libzstd-dev liburing-dev libslirp-dev libseccomp-dev libpng-dev'
test='acpica-tools dmidecode libcmocka-dev libclang-rt-dev device-tree-compiler gzip zstd xz-utils lz4 clang-format clang-tidy valgrind shellcheck spin qemu-system-x86'
run='cpio gzip xz-utils zstd e2fsprogs binutils debian-archive-keyring'
# The guest and its VMM are arm64: elsewhere a cross compiler makes the VMM.
cross='gcc-aarch64-linux-gnu libc6-dev-arm64-cross'

# packages_of GROUP
packages_of()
{
	local native
	native=$(dpkg --print-architecture)
	case $1 in
	build)
		echo "$build"
		[ "$native" = arm64 ] || echo "$cross"
		;;
	test)
		echo "$test"
		# For 32-bit test programs on machines whose kernel does not run them.
		[ "$native" != amd64 ] || echo qemu-user
		;;
	run) echo "$run" ;;
	all) packages_of build && packages_of test && packages_of run ;;
	*) usage_error "unknown group '$1': build, test, run or all" ;;
	esac
}

# missing PACKAGE...: those that are not installed.
missing()
{
	local have package
	have=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' "$@" 2>/dev/null || true) "
	for package; do
		case $have in
		*" installed:$package "*) ;;
		*) echo "$package" ;;
		esac
	done
}

# apt_get ARGUMENT...: quietly, waiting for another installation to finish first.
apt_get()
{
	DEBIAN_FRONTEND=noninteractive apt-get -q=2 -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" \
		>"$log" 2>&1 </dev/null
}

# install PACKAGE...: with the lists this machine has, and again with fresh ones.
install()
{
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	note "installing $*…"
	apt_get install -y --no-install-recommends "$@" && return 0
	note "fetching this machine's package lists…"
	apt_get update || true
	apt_get install -y --no-install-recommends "$@" && return 0
	die "installing $* failed ($(grep '^E:' "$log" | head -n 1 | cut -c4-200)): check the network, then run '$line' as root"
}

main()
{
	local check=0 group names list line
	case ${1:-} in
	-h | --help) show_help "${BASH_SOURCE[0]}" && exit ;;
	--check) check=1 && shift ;;
	esac
	[ $# -gt 0 ] || usage_error "a group is needed: build, test, run or all"
	names=
	for group; do
		names="$names $(packages_of "$group")" || exit 2
	done
	# shellcheck disable=SC2086 # lists of words, here and below
	list=$(missing $names | sort -u | tr '\n' ' ')
	list=${list% }
	[ -n "$list" ] || exit 0
	line="apt-get install -y --no-install-recommends $list"
	if [ "$check" = 1 ] || [ "$(id -u)" != 0 ] || [ "${VMMP_OFFLINE:-0}" = 1 ]; then
		die "missing packages: run '$line' as root"
	fi
	# shellcheck disable=SC2086
	install $list
}

main "$@"
