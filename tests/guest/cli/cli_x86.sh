#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What is different on the command line of vmm-x86_64: mistakes that only a PC knows. Each gives
# exactly one line that names the option or file, and the right exit status; none needs KVM.
#
#   tests/guest/cli/cli_x86.sh VMM

set -uo pipefail

vmm=${1:?usage: cli_x86.sh VMM}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
cd "$temp" || exit 1
passed=0
failed=0

# mistake STATUS PATTERN ARGUMENT...: one line that begins with "vmm: " and matches PATTERN.
mistake()
{
	local want=$1 pattern=$2 status
	shift 2
	timeout 60 "$vmm" run "$@" >out.txt 2>err.txt </dev/null
	status=$?
	if [ $status = "$want" ] && [ "$(wc -l <err.txt)" = 1 ] && [ ! -s out.txt ] && grep -qE "^vmm: $pattern" err.txt; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED run $*: status $status, not $want, or not one line that matches '$pattern':"
		cat err.txt out.txt
	fi
}

# An arm64 Image, and a bzImage that is cut short: the magic numbers are enough (boot.rst, booting.rst).
head -c 131072 /dev/zero >Image
printf 'ARM\x64' | dd of=Image bs=1 seek=56 conv=notrunc status=none
printf '\x02' | dd of=Image bs=1 seek=18 conv=notrunc status=none
head -c 1024 /dev/zero >short
printf '\x01\x00\x00\x00\x10' | dd of=short bs=1 seek=497 conv=notrunc status=none
printf '\x55\xaa\xeb\x6aHdrS\x0f\x02' | dd of=short bs=1 seek=510 conv=notrunc status=none
printf '\x01' | dd of=short bs=1 seek=529 conv=notrunc status=none
echo text >text
cp /bin/ls ls

mistake 1 'Image: is an arm64 kernel' --kernel Image
mistake 1 'short: is truncated' --kernel short
mistake 1 'text: ' --kernel text
mistake 1 'ls: is a program for an operating system' --kernel ls
mistake 1 '.*nowhere.*' --kernel nowhere
mistake 2 '--gic: a pc has no GIC' --kernel Image --gic 3
mistake 2 '--irqchip apic: must be kernel or split' --kernel Image --irqchip apic
mistake 2 '--irqchip split: the device of --vfio' --kernel Image --irqchip split --vfio 00:04.0
mistake 2 '--dtb: guests of a pc get no device tree' --kernel Image --dtb x.dtb
mistake 2 '--dump-dtb: guests of a pc get no device tree' --dump-dtb x.dtb
mistake 2 '--memory 32M: must be at least 64M' --kernel Image --memory 32M
mistake 2 '--cpus 65: must be a number from 1 to 64' --kernel Image --cpus 65

echo "$passed passed, $failed failed"
[ $failed = 0 ]
