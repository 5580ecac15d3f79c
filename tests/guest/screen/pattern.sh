# SPDX-License-Identifier: BSD-2-Clause
# Sourced by the guest (busybox) and by x86.sh: the same pixels on both sides. 640 x 480, of four
# bytes each: eight bars, other ones in the lower half, and one pixel that is like no other.
# shellcheck shell=sh

# bar PIXEL: 80 of it.
bar()
{
	times=0
	while [ $times -lt 80 ]; do
		# shellcheck disable=SC2059 # escapes of bytes
		printf "$1"
		times=$((times + 1))
	done
}

# half LINE: 240 lines of the file LINE, in few processes.
half()
{
	set -- "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1"
	cat "$@" >lines
	set -- lines lines lines lines lines lines lines lines
	cat "$@" "$@"
}

# draw FILE: in the current folder, with files of its own.
draw()
{
	for pixel in '\0\0\0\0' '\0\0\377\0' '\0\377\0\0' '\377\0\0\0' '\377\377\0\0' '\1\2\3\0' '\200\100\40\0' '\377\377\377\0'; do
		bar "$pixel"
	done >upper
	for pixel in '\377\0\377\0' '\12\13\14\0' '\0\0\0\0' '\0\377\377\0' '\0\0\1\0' '\0\1\0\0' '\1\0\0\0' '\376\375\374\0'; do
		bar "$pixel"
	done >lower
	{ half upper && half lower; } >"$1"
	# Line 300, the pixel at 3.
	printf '\21\42\63\0' | dd of="$1" bs=4 seek=$((300 * 640 + 3)) conv=notrunc 2>/dev/null
}
