#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Run a command on an emulated machine with virtualization extensions, whose Debian kernel offers
# real KVM: for machines without a KVM of their own.
#
#   tools/testbed.sh [OPTION]... -- COMMAND [ARGUMENT]...
#
#   --arch aarch64|x86_64   what machine (default aarch64)
#   --gic 2|3          interrupt controller of the machine; guests get the same (default 3)
#   --cpus N           CPUs of the machine (default 1)
#   --memory MIB       its memory (default 1024); guests touch theirs lazily
#   --kernel 6.12|6.1  Debian 13's kernel or Debian 12's (default 6.12; aarch64 only)
#   --file SRC:DST     carry in a file or a folder (again for more); the shared libraries that a
#                      program for the machine needs come along, to /lib
#   --out DIR          afterwards, the files that COMMAND left in /out
#   --qemu             with Debian 13's qemu-system-aarch64 in the machine's PATH
#   --timeout SECONDS  give up and fail (default 600, 0: never)
#   --terminal         COMMAND's terminal is this one
#   --instructions     time passes in the machine with the instructions it executes, one a nanosecond,
#                      whatever else this one does: for measurements
#   --no-kvm           a machine without virtualization extensions
#   --iommu            with an IOMMU (VT-d with interrupt remapping; x86_64 only)
#   --device OPTIONS   a further device, as QEMU's -device takes it (again for more)
#   --drive OPTIONS    what such a device is on, as QEMU's -drive takes it (again for more)
#   --netdev OPTIONS   the same for -netdev
#   --verbose          show the machine's own console when it fails
#
# COMMAND's output and exit status become this script's. 124: timed out. 125: the machine itself
# failed. Several machines may run side by side; they share only what they read.
# VMMP_QEMU: another qemu-system-aarch64 (8.0 or later) or qemu-system-x86_64 to emulate the machine with.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/lib.sh
. "$here/lib.sh"
# shellcheck source=tools/guest.sh
. "$here/guest.sh"

arch=aarch64
gic=3
cpus=1
memory=1024
kernel=6.12
files=()
out=
with_qemu=0
timeout=600
terminal=0
no_kvm=0
iommu=0
devices=()
drives=()
netdevs=()
verbose=0
instructions=0
qemu=
watchdog=
tails=()
temp=
saved_terminal=

parse_options()
{
	local name
	read_options '--qemu:with_qemu --terminal:terminal --no-kvm:no_kvm --iommu:iommu --instructions:instructions --verbose:verbose --arch=arch --gic=gic --cpus=cpus --memory=memory --kernel=kernel --file+files --out=out --timeout=timeout --device+devices --drive+drives --netdev+netdevs' "$@"
	command=("${arguments[@]}")
	[ ${#command[@]} -gt 0 ] || usage_error "a command is needed after --"
	case $arch in aarch64 | x86_64) ;; *) usage_error "--arch takes aarch64 or x86_64, not '$arch'" ;; esac
	case $kernel in 6.1 | 6.12) ;; *) usage_error "--kernel takes 6.1 or 6.12, not '$kernel'" ;; esac
	for name in gic cpus memory timeout; do
		case ${!name} in '' | *[!0-9]*) usage_error "--$name takes a number, not '${!name}'" ;; esac
	done
}

# shellcheck disable=SC2317 # run by a trap
# stop PID...: end processes of ours, those that are still there.
stop()
{
	local pid
	for pid; do
		kill "$pid" 2>/dev/null || continue
		wait "$pid" 2>/dev/null || true
	done
}

# cleanup: runs on every way out.
# shellcheck disable=SC2317 # run by a trap
cleanup()
{
	local status=$?
	trap - EXIT INT TERM HUP
	[ -z "$watchdog" ] || stop "$watchdog"
	[ -z "$qemu" ] || stop "$qemu"
	[ ${#tails[@]} -eq 0 ] || stop "${tails[@]}"
	[ -z "$saved_terminal" ] || stty "$saved_terminal" <&3 2>/dev/null || true
	[ -z "$temp" ] || rm -rf "$temp"
	exit "$status"
}

# quote WORD...: as words of a POSIX shell.
quote()
{
	local word
	for word; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}

# write_command: what the machine's init runs, in the terminal's size if there is one.
write_command()
{
	local size
	if [ "$terminal" = 1 ]; then
		: >"$1/terminal"
		size=$(stty size <&3 2>/dev/null) || size='24 80'
		echo "export TERM='${TERM:-linux}'; stty rows ${size% *} cols ${size#* }"
	fi >"$1/command"
	echo "exec $(quote "${command[@]}")" >>"$1/command"
}

# is_program FILE: an ELF file (bytes 0 to 3) for the machine: number 183 or 62 (18 and 19).
is_program()
{
	local number=183
	[ "$arch" = aarch64 ] || number=62
	[ -f "$1" ] && [ "$(od -An -N4 -tx1 "$1" | tr -d ' ')" = 7f454c46 ] &&
		[ "$(od -An -j18 -N2 -tu1 "$1" | tr -s ' ')" = " $number 0" ]
}

# carry_libraries PROGRAM ROOT: the libraries it needs, into ROOT/lib: those of the sysroot it was
# linked against, of the cross compiler, or of this machine if it is one of that kind.
carry_libraries()
{
	local folders=("$vmmp_build/sysroot/arm64" /usr/aarch64-linux-gnu/lib /lib/aarch64-linux-gnu /usr/lib/aarch64-linux-gnu)
	local library
	if [ "$arch" = x86_64 ]; then
		folders=(/lib/x86_64-linux-gnu/ /usr/lib/x86_64-linux-gnu/)
		# The interpreter is asked for there.
		[ -e "$2/lib64" ] || ln -s lib "$2/lib64"
	fi
	needed_libraries "$1" "${folders[@]}" >"$temp/libraries" || exit 1
	while read -r library; do
		mkdir -p "$2/lib"
		cp -L "$library" "$2/lib/"
	done <"$temp/libraries"
}

# write_initrd: the base, and behind it an archive of what is carried in.
write_initrd()
{
	local root=$temp/root pair src dst
	mkdir -p "$root/vmmp"
	write_command "$root/vmmp"
	for pair in "${files[@]}"; do
		src=${pair%%:*}
		dst=${pair#*:}
		[ "$src" != "$pair" ] || usage_error "--file takes SRC:DST, not '$pair'"
		[ -r "$src" ] || die "--file: cannot read $src"
		mkdir -p "$root/$(dirname "$dst")"
		cp -rL "$src" "$root/$dst"
		! is_program "$src" || carry_libraries "$src" "$root"
	done
	cp "$vmmp_build/testbed/outer-$([ "$arch" = aarch64 ] && echo "$kernel" || echo amd64).cpio" "$temp/initrd"
	(cd "$root" && find . -mindepth 1 | cpio -o -H newc -R 0:0 --quiet) >>"$temp/initrd"
	rm -rf "$root"
}

# port NAME: QEMU's options for one virtio serial port kept in a file.
port()
{
	: >"$temp/$1"
	arguments+=(-chardev "file,id=$1,path=$temp/$1" -device "virtserialport,chardev=$1,name=vmmp.$1")
}

# machine: QEMU's command line in $arguments.
machine()
{
	local append="quiet nokaslr mitigations=off $guest_without panic=-1" uart=ttyAMA0 thread=multi option
	[ "$instructions" = 0 ] || thread=single
	arguments=(-nodefaults -display none -no-reboot
		-accel "tcg,thread=$thread" -smp "$cpus" -m "$memory" -initrd "$temp/initrd" -device virtio-serial-pci)
	if [ "$arch" = aarch64 ]; then
		local virtualization=on
		[ "$no_kvm" = 0 ] || virtualization=off
		arguments+=(-M "virt,virtualization=$virtualization,gic-version=$gic" -cpu 'max,sve=off,sme=off,pauth=off'
			-kernel "$vmmp_build/testbed/linux-$kernel")
	else
		local svm=+svm
		[ "$no_kvm" = 0 ] || svm=-svm
		uart=ttyS0
		# The kernel tries the timer for ten of its ticks, which a busy host may not give it.
		append="$append no_timer_check"
		arguments+=(-M q35 -cpu "EPYC,$svm" -kernel "$vmmp_build/testbed/outer-amd64.elf")
		if [ "$iommu" = 1 ]; then
			arguments+=(-device 'intel-iommu,intremap=on')
			# The machine's own devices go on without.
			append="$append intel_iommu=on iommu=pt"
		fi
	fi
	for option in "${netdevs[@]}"; do arguments+=(-netdev "$option"); done
	for option in "${drives[@]}"; do arguments+=(-drive "$option"); done
	for option in "${devices[@]}"; do arguments+=(-device "$option"); done
	[ "$instructions" = 0 ] || arguments+=(-icount 'shift=0,sleep=off')
	if [ "$terminal" = 1 ]; then
		arguments+=(-chardev "file,id=console,path=$temp/console" -device 'virtconsole,chardev=console'
			-chardev 'stdio,id=terminal,signal=off' -serial chardev:terminal)
		append="$append console=hvc0"
	else
		arguments+=(-serial "file:$temp/console")
		append="$append console=$uart"
		port stdout
		port stderr
	fi
	port status
	port out
	[ "$with_qemu" = 0 ] || arguments+=(-device 'virtio-blk-pci,drive=qemu'
		-drive "if=none,id=qemu,format=raw,readonly=on,file=$(realpath "$vmmp_build/testbed/qemu.ext4")")
	arguments+=(-append "$append")
}

# follow NAME: print a port's file as it grows, until QEMU is gone.
follow()
{
	tail -q -c +1 -f -s 0.1 --pid="$qemu" "$temp/$1" 2>/dev/null &
	tails+=($!)
}

# watch: end QEMU after the time limit.
watch()
{
	sleep "$timeout" &
	local sleeper=$!
	# shellcheck disable=SC2064 # this sleeper
	trap "kill $sleeper 2>/dev/null; exit" TERM
	wait $sleeper
	: >"$temp/timeout"
	kill "$qemu" 2>/dev/null
}

# run: start QEMU, follow it, wait for its end.
run()
{
	local input=/dev/null
	[ "$terminal" = 0 ] || input=/dev/fd/3
	local program=$vmmp_build/testbed/qemu
	[ "$arch" = aarch64 ] || program=$vmmp_build/testbed/qemu-x86_64
	"${VMMP_QEMU:-$program}" "${arguments[@]}" <"$input" 2>"$temp/qemu" 3<&- &
	qemu=$!
	if [ "$terminal" = 0 ]; then
		follow stdout
		follow stderr >&2
	fi
	if [ "$timeout" != 0 ]; then
		watch >/dev/null 2>&1 3<&- &
		watchdog=$!
	fi
	wait "$qemu" || true
	qemu=
	[ ${#tails[@]} -eq 0 ] || wait "${tails[@]}" || true
	tails=()
}

# fail STATUS MESSAGE
fail()
{
	printf '%s: %s\n' "$vmmp_self" "$2" >&2
	[ "$verbose" = 0 ] || tail -n 40 "$temp/console" >&2
	exit "$1"
}

# finish: COMMAND's files and its status.
finish()
{
	local status
	[ ! -e "$temp/timeout" ] || fail 124 "no end after $timeout s: the command hangs, or this machine is slow (--timeout SECONDS)"
	status=$(sed -n 's/^exit \([0-9]*\)$/\1/p' "$temp/status")
	if [ -z "$status" ]; then
		local why
		why=$(grep -v '^$' "$temp/qemu" "$temp/console" -h 2>/dev/null | tail -n 1 | tr -d '\r' | cut -c1-200) || why=
		fail 125 "the emulated machine ended before the command did${why:+ ($why)}"
	fi
	if [ -n "$out" ] && [ -s "$temp/out" ]; then
		make_dir "$out"
		tar -x -f "$temp/out" -C "$out" || fail 125 "cannot unpack the machine's files into $out"
	fi
	exit "$status"
}

main()
{
	parse_options "$@"
	need_command cpio cpio
	need_command readelf binutils
	[ "$iommu" = 0 ] || [ "$arch" = x86_64 ] || usage_error "--iommu is for x86_64"
	if [ "$arch" = x86_64 ]; then
		[ "$with_qemu" = 0 ] || usage_error "--qemu is for aarch64"
		"$here/images.sh" x86
	elif [ "$with_qemu" = 1 ]; then
		"$here/images.sh" qemu
	else
		"$here/images.sh" testbed
	fi
	exec 3<&0
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	[ "$terminal" = 0 ] || saved_terminal=$(stty -g <&3 2>/dev/null) || saved_terminal=
	temp=$(mktemp -d "${TMPDIR:-/tmp}/vmmp-testbed.XXXXXX")
	write_initrd
	machine
	run
	finish
}

main "$@"
