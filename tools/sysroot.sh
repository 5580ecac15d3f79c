#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Unpack Debian's libraries for another architecture into a folder to compile and link against.
#
#   tools/sysroot.sh arm64 DIR   libfdt, zlib, lz4, lzma, zstd, liburing, libslirp, libseccomp and cmocka for aarch64-linux-gnu-gcc,
#                                which has its own C library; static archives are there for all but
#                                libslirp and cmocka
#   tools/sysroot.sh i386 DIR    the same without libslirp, a C library and libgcc, for clang -m32 with sanitizers
#
# The flags that a compiler needs are written, one per line, to DIR/cflags (compiling and linking)
# and DIR/ldflags (linking only). A complete DIR is left alone; DIR appears whole or not at all.
#
# Why the flags are what they are:
#   arm64  gcc-aarch64-linux-gnu keeps its C library outside any sysroot, so --sysroot would hide it;
#          the folders are added instead. -idirafter, so that they come after the C library's own.
#   i386   clang finds libgcc and the C library's start files below --sysroot/--gcc-toolchain; its own
#          sanitizer runtimes for i386 come with libclang-rt-14-dev. The test programs name the
#          sysroot's dynamic linker and library folders, so that they run on a machine that has no
#          32-bit libraries installed.
# Absolute symbolic links inside the packages are made relative; the linker scripts (libc.so) have
# absolute paths, which the linker looks up below --sysroot.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/lib.sh
. "$here/lib.sh"

# The suite the cross compilers of the build machine belong to: libraries of the same one fit.
suite=bookworm
# Raised when the contents change, so that an older folder is made anew.
version=5

common='libfdt-dev libfdt1 zlib1g-dev zlib1g liblz4-dev liblz4-1 libzstd-dev libzstd1 liburing-dev liburing2 libcmocka-dev libcmocka0'
# User-mode networking, and what that needs to run.
vmm='liblzma-dev liblzma5 libslirp-dev libslirp0 libglib2.0-0 libpcre2-8-0 libseccomp-dev libseccomp2'
libc='libc6-dev libc6 linux-libc-dev libgcc-12-dev libgcc-s1 libcrypt-dev libcrypt1'

# relative_links ROOT: rewrite absolute symbolic links to stay inside ROOT.
relative_links()
{
	local root=$1 link target up
	find "$root" -type l -lname '/*' | while read -r link; do
		target=$(readlink "$link")
		up=$(dirname "${link#"$root"/}" | sed 's,[^/][^/]*,..,g')
		ln -sfn "$up$target" "$link"
	done
}

# flags_arm64 DIR ROOT: write the flag files into ROOT, naming DIR.
flags_arm64()
{
	local lib=$1/usr/lib/aarch64-linux-gnu
	printf '%s\n' "-idirafter$1/usr/include" >"$2/cflags"
	printf '%s\n' "-L$lib" "-Wl,-rpath-link,$lib" >"$2/ldflags"
}

flags_i386()
{
	printf '%s\n' -m32 "--sysroot=$1" "--gcc-toolchain=$1/usr" >"$2/cflags"
	printf '%s\n' "-Wl,--dynamic-linker,$1/lib/ld-linux.so.2" \
		"-Wl,-rpath,$1/lib/i386-linux-gnu" "-Wl,-rpath,$1/usr/lib/i386-linux-gnu" >"$2/ldflags"
}

# complete DIR ARCH: DIR was made by this version of this script, for this place.
complete()
{
	[ "$(cat "$1/stamp" 2>/dev/null)" = "$2 $version $1" ]
}

# make_sysroot ARCH DIR PACKAGE...
make_sysroot()
{
	local arch=$1 dir=$2 temp=$2.arriving
	shift 2
	complete "$dir" "$arch" && return 0
	rm -rf "$temp"
	"$here/debian.sh" unpack "$suite" "$arch" "$temp" "$@" || exit 1
	rm -rf "${temp:?}/usr/share" "${temp:?}/etc"
	relative_links "$temp"
	"flags_$arch" "$dir" "$temp"
	echo "$arch $version $dir" >"$temp/stamp"
	rm -rf "$dir"
	mv "$temp" "$dir"
}

main()
{
	case ${1:-} in
	-h | --help) show_help "${BASH_SOURCE[0]}" && exit ;;
	esac
	[ $# -eq 2 ] || usage_error "an architecture and a folder are needed"
	local arch=$1 dir packages
	dir=$(realpath -m "$2")
	case $arch in
	arm64) packages="$common $vmm" ;;
	i386) packages="$common $libc" ;;
	*) usage_error "no sysroot for '$arch': arm64 or i386" ;;
	esac
	make_dir "$(dirname "$dir")"
	# shellcheck disable=SC2086 # a list of words
	with_lock "$dir.lock" make_sysroot "$arch" "$dir" $packages
}

main "$@"
