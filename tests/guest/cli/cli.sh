#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The command line of vmm, and every mistake a user can make with it.
#
#   tests/guest/cli/cli.sh VMM
#
# VMM is a vmm built for this machine: on one without KVM for arm64 it checks everything and then
# says that it runs no guests. Each mistake must give exactly one line on standard error that names
# the file or option, the right exit status, and leave no process and no file behind.

set -uo pipefail

vmm=${1:?usage: cli.sh VMM}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
cd "$temp" || exit 1
passed=0
failed=0

fail()
{
	failed=$((failed + 1))
	printf 'FAILED %s\n' "$1"
	shift
	printf '    %s\n' "$@"
}

pass()
{
	passed=$((passed + 1))
}

# run ARGUMENT...: run vmm; sets $status, $out and $err.
run()
{
	timeout 60 "$vmm" "$@" >out.txt 2>err.txt </dev/null
	status=$?
	out=$(cat out.txt)
	err=$(cat err.txt)
}

# mistake NAME STATUS PATTERN ARGUMENT...: one line that begins with "vmm: " and matches PATTERN.
mistake()
{
	local name=$1 want=$2 pattern=$3 before after
	shift 3
	before=$(find . -type f ! -name out.txt ! -name err.txt -printf "%p %s %T@\n" | sort)
	run "$@"
	after=$(find . -type f ! -name out.txt ! -name err.txt -printf "%p %s %T@\n" | sort)
	if [ "$status" != "$want" ]; then
		fail "$name" "status $status, not $want" "$err"
	elif [ "$(wc -l <err.txt)" != 1 ] || [ -n "$out" ]; then
		fail "$name" "not one line:" "$err" "$out"
	elif ! [[ $err =~ ^vmm:\ $pattern ]]; then
		fail "$name" "said: $err" "want: vmm: $pattern"
	elif [ "$before" != "$after" ]; then
		fail "$name" "files changed"
	else
		pass
	fi
}

# good NAME PATTERN ARGUMENT...: status 0, nothing on standard error, PATTERN on standard output.
good()
{
	local name=$1 pattern=$2
	shift 2
	run "$@"
	if [ "$status" != 0 ] || [ -n "$err" ] || ! grep -q -e "$pattern" out.txt; then
		fail "$name" "status $status" "$err" "$out"
	else
		pass
	fi
}

# le32 NUMBER...: as little-endian bytes.
le32()
{
	local n
	for n; do
		# shellcheck disable=SC2059 # made here
		printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' \
			$((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) $((n >> 24 & 255)))"
	done
}

# arm64_image FILE SIZE MEMORY: an arm64 Image of SIZE bytes that says it needs MEMORY bytes.
arm64_image()
{
	{
		le32 0x14000010 0 0 0 "$3" 0 0x0a 0 0 0 0 0 0 0 0x644d5241 0
	} >"$1"
	truncate -s "$2" "$1"
}

arm64_image kernel 65536 131072
printf '070701' >initrd && truncate -s 4096 initrd
: >empty
printf 'just some text that is no kernel\n' >text
head -c 40 kernel >truncated
arm64_image huge 65536 $((3 << 29))
truncate -s 900M vast-initrd
cp /proc/self/exe native 2>/dev/null || cp /bin/true native
printf '\xd0\x0d\xfe\xed\x00\x00\x10\x00' >truncated.dtb && truncate -s 100 truncated.dtb
{ printf '\xd0\x0d\xfe\xed\x00\x40\x00\x00' && head -c 5000000 /dev/zero; } >vast.dtb
mkdir folder
mkfifo pipe
kernel=(run --kernel kernel)
# What a good command line comes to, on a machine that cannot run the guest.
end='this build of the VMM cannot run arm64 guests|/dev/kvm'

# Help and version.
good help 'usage: vmm run --kernel FILE' --help
good run-help '--memory SIZE' run --help
good help-word 'Exit status' help
good version '^vmm [0-9]*\.[0-9]*\.[0-9]*$' --version

# Usage: status 2.
mistake no-command 2 'no command: try'
mistake unknown-command 2 "unknown command 'frob'" frob
mistake near-command 2 "unknown command 'rum': did you mean 'vmm run'\?" rum
mistake unknown-option 2 "unknown option '--xyzzy': 'vmm run --help'" "${kernel[@]}" --xyzzy
mistake near-option 2 "unknown option '--memroy': did you mean --memory\?" "${kernel[@]}" --memroy 1G
mistake word 2 "unexpected argument 'kernel'" run kernel
mistake no-kernel 2 'run: no kernel: give one with --kernel FILE' run
mistake no-value 2 '--kernel needs a value' run --kernel
mistake empty-name 2 '--kernel: the file name is empty' run --kernel ''
mistake memory-zero 2 '--memory 0: must be at least 64M' "${kernel[@]}" --memory 0
mistake memory-small 2 '--memory 32M: must be at least 64M' "${kernel[@]}" --memory 32M
mistake memory-word 2 '--memory lots: not a size' "${kernel[@]}" --memory lots
mistake memory-machine 2 '--memory 9999G: must be at most' "${kernel[@]}" --memory 9999G
mistake cpus-zero 2 '--cpus 0: must be a number from 1 to 8' "${kernel[@]}" --cpus 0
mistake cpus-many 2 '--cpus 9: must be' "${kernel[@]}" --cpus 9
mistake gic 2 '--gic 5: must be auto, 2 or 3' "${kernel[@]}" --gic 5
mistake console 2 '--console tty0: must be' "${kernel[@]}" --console tty0
mistake both-stdio 2 '--serial stdio: the console uses' "${kernel[@]}" --serial stdio
mistake gdb-port 2 '--gdb x: must be a TCP port' "${kernel[@]}" --gdb x
mistake log-level 2 '--log-level x: must be' "${kernel[@]}" --log-level x

# Files: status 1.
host_mib=$(awk '/^(MemTotal|SwapTotal):/ { n += $2 } END { print int(n / 1024) }' /proc/meminfo)
if [ "$host_mib" -lt 250000 ]; then
	mistake memory-host 1 "--memory [0-9]+M: this machine has [0-9]+M: give less" "${kernel[@]}" \
		--memory $((host_mib + 1024))M
fi
mistake kernel-missing 1 '--kernel nowhere: cannot open it .No such file' run --kernel nowhere
mistake kernel-empty 1 '--kernel empty: the file is empty' run --kernel empty
mistake kernel-folder 1 '--kernel folder: it is a folder' run --kernel folder
mistake kernel-pipe 1 '--kernel pipe: it is not a regular file' run --kernel pipe
mistake kernel-device 1 '--kernel /dev/null: it is not a regular file' run --kernel /dev/null
mistake kernel-text 1 '.*text' run --kernel text
mistake kernel-truncated 1 '.*truncated' run --kernel truncated
mistake kernel-native 1 '.*native' run --kernel native
mistake kernel-huge 1 '.*huge.*' run --kernel huge
mistake initrd-missing 1 '--initrd nowhere: cannot open it' "${kernel[@]}" --initrd nowhere
mistake initrd-empty 1 '--initrd empty: the file is empty' "${kernel[@]}" --initrd empty
mistake initrd-folder 1 '--initrd folder: it is a folder' "${kernel[@]}" --initrd folder
mistake initrd-vast 1 '.*vast-initrd.*' "${kernel[@]}" --initrd vast-initrd
mistake dtb-missing 1 '--dtb nowhere: cannot open it' "${kernel[@]}" --dtb nowhere
mistake dtb-empty 1 '--dtb empty: the file is empty' "${kernel[@]}" --dtb empty
mistake dtb-text 1 '.*text' "${kernel[@]}" --dtb text
mistake dtb-truncated 1 '.*truncated\.dtb' "${kernel[@]}" --dtb truncated.dtb
mistake dtb-vast 1 '.*vast\.dtb' "${kernel[@]}" --dtb vast.dtb
mistake append-long 1 'the kernel command line has [0-9]+ characters' "${kernel[@]}" \
	--append "$(printf '%3000s' x)"
if [ "$(id -u)" != 0 ]; then
	cp kernel secret && chmod 0 secret
	mistake kernel-permission 1 '--kernel secret: cannot open it .Permission denied.: make it' \
		run --kernel secret
fi

# All is well up to KVM. On a machine with KVM these would run the image, which is no guest.
if [ "$(uname -m)" != aarch64 ]; then
	mistake no-kvm 1 "($end)" "${kernel[@]}" --initrd initrd
	mistake no-kvm-files 1 "($end)" "${kernel[@]}" --console file:console --serial file:serial \
		--trace trace --stats --gdb 1234
fi

# The device tree: whole or not at all, and without a warning of dtc's.
mistake dump-folder 1 '--dump-dtb nowhere/a.dtb: cannot write it' run --dump-dtb nowhere/a.dtb
mistake dump-bad-kernel 1 '.*text' run --kernel text --dump-dtb a.dtb
for arguments in '' '--gic 2 --cpus 8' '--cpus 4 --memory 3G --serial pty' \
	'--console none --serial none --kernel kernel --initrd initrd --append quiet'; do
	# shellcheck disable=SC2086 # a list of words
	run run --dump-dtb tree.dtb $arguments
	if [ "$status" != 0 ] || [ -n "$err$out" ]; then
		fail "dump-dtb $arguments" "status $status" "$err" "$out"
	elif command -v dtc >/dev/null && ! { dtc -I dtb -O dts tree.dtb >tree.dts 2>dtc.txt && [ ! -s dtc.txt ]; }; then
		fail "dump-dtb $arguments" "$(cat dtc.txt)"
	else
		pass
	fi
done
if command -v dtc >/dev/null; then
	# A tree given is kept but for /chosen and memory.
	run run --dump-dtb given.dtb --memory 1G && sed -i '/memory@/,/};/d' tree.dts
	dtc -I dtb -O dtb given.dtb -o /dev/null 2>/dev/null
	run run --kernel kernel --initrd initrd --dtb given.dtb --append 'quiet splash' --memory 3G --dump-dtb taken.dtb
	dtc -I dtb -O dts taken.dtb >taken.dts 2>dtc.txt
	if [ "$status" != 0 ] || [ -s dtc.txt ] || ! grep -q 'console=hvc0 quiet splash' taken.dts ||
		! grep -q 'linux,initrd-end' taken.dts || ! grep -q 'reg = <0x00 0x40000000 0x00 0x9d000000 0x01 0x00 0x00 0x23000000>' taken.dts; then
		fail adopt-dtb "status $status" "$err" "$(cat dtc.txt)"
	else
		pass
	fi
fi

# The terminal is as it was, also after a mistake; nothing is left running.
if command -v script >/dev/null; then
	script -qec "stty -a >before.txt; '$vmm' run --kernel kernel 2>/dev/null; stty -a >after.txt" /dev/null \
		>/dev/null </dev/null
	if [ -s before.txt ] && cmp -s before.txt after.txt; then pass; else fail terminal "$(diff before.txt after.txt)"; fi
fi

echo "cli: $passed passed, $failed failed"
[ "$failed" = 0 ]
