# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # $guest_cpus and $reboot are lib.sh's
# Firmware that is the VMM's: CPUs go and come back, the machine sleeps until its clock wakes it,
# random numbers, power off and reboot. The testbed's kernel has the filter that this needs.
# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

cp /carry/arm/arm_smccc_trng.ko "$dir/guest/test/" || exit 1
rounds=3
[ "$FULL" != 1 ] || rounds=20
guest_cpus=4

cat >trng.sh <<'END'
insmod /test/arm_smccc_trng.ko || fail insmod
say available "$(cat /sys/class/misc/hw_random/rng_available)"
echo smccc_trng >/sys/class/misc/hw_random/rng_current
say current "$(cat /sys/class/misc/hw_random/rng_current)"
say bytes "$(dd if=/dev/hwrng bs=64 count=16 2>/dev/null | wc -c)"
say psci "$(dmesg | grep -i 'psci: PSCIv')"
say clock "$(cat /sys/class/rtc/rtc0/name) $(($(date +%s) > 1700000000))"
END

cat >hotplug.sh <<END
rounds=$rounds
END
cat >>hotplug.sh <<'END'
say online "$(cat /sys/devices/system/cpu/online)"
round=0
while [ $round -lt $rounds ]; do
	round=$((round + 1))
	for cpu in 1 2 3; do
		echo 0 >/sys/devices/system/cpu/cpu$cpu/online || fail "round $round: CPU $cpu stays on"
		[ "$(cat /sys/devices/system/cpu/cpu$cpu/online)" = 0 ] || fail "CPU $cpu is on"
	done
	[ "$(cat /sys/devices/system/cpu/online)" = 0 ] || fail "round $round: more than CPU 0 is on"
	for cpu in 1 2 3; do
		echo 1 >/sys/devices/system/cpu/cpu$cpu/online || fail "round $round: CPU $cpu stays off"
		taskset $((1 << cpu)) true || fail "round $round: nothing runs on CPU $cpu"
	done
done
echo 0 >/sys/devices/system/cpu/cpu0/online && echo 1 >/sys/devices/system/cpu/cpu0/online
say rounds $round "$(cat /sys/devices/system/cpu/online)"
END

cat >sleep.sh <<'END'
say modes "$(cat /sys/power/state) / $(cat /sys/power/mem_sleep)"
sleep_once()
{
	echo "$1" >/sys/power/mem_sleep || fail "no $1"
	echo 0 >/sys/class/rtc/rtc0/wakealarm
	before=$(date +%s)
	echo +5 >/sys/class/rtc/rtc0/wakealarm || fail alarm
	echo mem >/sys/power/state || fail "$1: does not sleep"
	say slept "$1" $(($(date +%s) - before >= 4)) "$(cat /sys/devices/system/cpu/online)"
}
sleep_once s2idle
sleep_once deep
sleep_once deep
END

cat >reset.sh <<'END'
reboot -f
END

cat >again.sh <<'END'
read -r answer
[ "$answer" = off ] || reboot -f
END

inits()
{
	tries=0
	until [ "$(tr -d '\r' <"$1.out" | grep -c 'VMMP init')" = "$2" ]; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 5)) ] || return 1
		usleep 200000
	done
}

if wanted trng; then
	guest t trng.sh
	check trng-ends ended t 0
	check trng-available says t 'available .*smccc_trng'
	check trng-current says t 'current smccc_trng'
	check trng-bytes says t 'bytes 1024'
	check psci-version says t 'psci .*PSCIv1.1 detected'
	check clock says t 'clock rtc-pl031.* 1'
	sed 's/^/    /' t.out | grep VMMP
fi
if wanted hotplug; then
	guest h hotplug.sh --stats
	check hotplug-starts says h 'online 0-3'
	check hotplug-rounds says h "rounds $rounds 0-3"
	check hotplug-ends ended h 0
	# It was not the kernel's PSCI: 9 calls and more came to the VMM.
	check hotplug-calls-are-ours grep -q 'hypercall [1-9][0-9]' h.err
	sed 's/^/    /' h.out | grep VMMP
fi
if wanted sleep; then
	guest s sleep.sh
	check sleep-idle says s 'slept s2idle 1 0-3'
	check sleep-deep says s 'slept deep 1 0-3'
	check sleep-ends ended s 0
	check sleep-twice test "$(grep -c 'slept deep 1 0-3' s.out)" = 2
	sed 's/^/    /' s.out | grep VMMP
fi
if wanted reset; then
	guest r reset.sh
	check reset-status ended r 3
fi
if wanted reboot; then
	reboot=1
	guest a again.sh
	for start in 1 2 3; do
		check "reboot-$start" inits a $start
		[ $start = 3 ] || tell a again
	done
	tell a off
	check reboot-ends ended a 0
	reboot=
fi
finish
