# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
#
# The transports of virtio: PCI with MSI-X and with INTx, and MMIO. What the guest is interrupted
# by, and that no notification is an exit. Run by tests/guest/device.sh.

# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

cat >script <<'END'
# interrupts PATTERN: how many lines of /proc/interrupts match, and their sum on the first CPU.
interrupts()
{
	lines=0
	sum=0
	while read -r _ count rest; do
		case $rest in
		*$1*)
			lines=$((lines + 1))
			sum=$((sum + count))
			;;
		esac
	done </proc/interrupts
	echo "$lines $sum"
}
i=0
while [ $i -lt 50 ]; do
	i=$((i + 1))
	say "line $i"
done
say messages "$(interrupts 'PCI-MSI')"
say level "$(interrupts 'Level*virtio0')"
say devices "$(echo /sys/bus/virtio/devices/*)"
say path "$(cd -P /sys/bus/virtio/devices/virtio0 && pwd)"
END

# number NAME WORD FIELD: a field of what the guest said.
number()
{
	said "$1" "$2" | cut -d ' ' -f "$3"
}

# statistic NAME WORDS: the number behind them in the VMM's statistics.
statistic()
{
	sed -n "s/^$2 //p" "$1.err" | head -n 1
}

# at_least LEAST NUMBER
at_least()
{
	[ -n "$2" ] && [ "$2" -ge "$1" ]
}

# notified NAME: all lines were notified of, by doorbells. Devices have few other registers to write
# after initialisation; over MMIO each interrupt is acknowledged by one.
notified()
{
	at_least 50 "$(statistic "$1" 'doorbells rung')"
}

# in_first_slot NAME: the console is the device of the first slot.
in_first_slot()
{
	case $(said "$1" path) in
	*/a000000.virtio_mmio/*) return 0 ;;
	esac
	return 1
}

if wanted msix; then
	guest msix script --stats
	check msix/ended ended msix 0
	check msix/vectors [ "$(number msix messages 1)" = 3 ]
	check msix/interrupts at_least 40 "$(number msix messages 2)"
	check msix/no-intx [ "$(number msix level 1)" = 0 ]
	check msix/sent at_least 40 "$(statistic msix 'interrupts msi')"
	check msix/doorbells notified msix
	check msix/exits [ "$(statistic msix 'vcpu0 exits mmio-write')" -lt 200 ]
fi

if wanted intx; then
	append=pci=nomsi guest intx script --stats
	check intx/ended ended intx 0
	check intx/no-vectors [ "$(number intx messages 1)" = 0 ]
	check intx/interrupts at_least 40 "$(number intx level 2)"
	check intx/doorbells notified intx
fi

if wanted mmio; then
	guest mmio script --stats --transport mmio
	check mmio/ended ended mmio 0
	check mmio/interrupts at_least 40 "$(number mmio level 2)"
	check mmio/doorbells notified mmio
	check mmio/path in_first_slot mmio
fi

finish
