# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # variables are lib.sh's
# 32-bit guests: Debian's stock armmp kernel, a zImage, on the machine that 64-bit guests have. Its
# firmware calls are 32-bit ones that the VMM answers.
# needs: --cpus 2
# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

kernel=/carry/armmp/linux
initrd=/carry/armmp/initrd
programs=/nowhere # They are 64-bit ones.
memory=256M
apart=1
rounds=$((FULL ? 20 : 3))

cat >one.sh <<'END'
say machine "$(uname -m)"
say psci "$(dmesg | grep 'psci: PSCIv')"
say disk "$(cat /sys/block/vda/size)"
END

cat >cpus.sh <<END
rounds=$rounds
END
cat >>cpus.sh <<'END'
say machine "$(uname -m)"
say online "$(cat /sys/devices/system/cpu/online)"
round=0
while [ $round -lt $rounds ]; do
	round=$((round + 1))
	echo 0 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 stays on"
	[ $round != 1 ] || say left "$(cat /sys/devices/system/cpu/online)"
	echo 1 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 stays off"
	taskset 2 true || fail "nothing runs on CPU 1"
done
say back $round "$(cat /sys/devices/system/cpu/online)"
say psci "$(dmesg | grep 'psci: PSCIv')"
say disk "$(cat /sys/block/vda/size)"
reboot -f
END

if wanted one; then
	truncate -s 1M disk.img
	guest o one.sh --stats --disk disk.img
	check one-machine says o 'machine armv[78]l'
	check one-psci says o 'psci .*PSCIv1.1 detected'
	check one-disk says o 'disk 2048'
	check one-ends ended o 0
	check one-calls-are-ours grep -q 'hypercall [1-9]' o.err
fi
if wanted cpus; then
	truncate -s 1M disk.img
	guest_cpus=2
	guest c cpus.sh --stats --disk disk.img
	check cpus-machine says c 'machine armv[78]l'
	check cpus-online says c 'online 0-1'
	check cpus-off says c 'left 0'
	check cpus-on says c "back $rounds 0-1"
	check cpus-psci says c 'psci .*PSCIv1.1 detected'
	check cpus-disk says c 'disk 2048'
	check cpus-reset-status ended c 3
	check cpus-calls-are-ours grep -q 'hypercall [1-9]' c.err
	sed 's/^/    /' c.out | grep VMMP
	guest_cpus=1
fi
if wanted gdb; then
	/test/vmm run --kernel $kernel --gdb 1234 2>gdb.err
	status=$?
	check gdb-refused test "$status $(grep -c . gdb.err)" = '1 1'
	check gdb-says-why grep -q 'gdb: it can debug 64-bit guests only' gdb.err
fi
finish
