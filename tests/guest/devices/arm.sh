# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # $guest_cpus and $reboot are lib.sh's
# Firmware that is the VMM's: CPUs go and come back, the machine sleeps until its clock wakes it,
# random numbers, power off and reboot, a hundred times without a leak. The testbed's kernel has the
# filter that this needs; one that has not (device.sh --kernel 6.1) tries what is done then.
# And instructions that nobody has, which end a program and nothing else.
# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

cp /carry/arm/arm_smccc_trng.ko "$dir/guest/test/" || exit 1
rounds=3
reboots=2
[ "$FULL" != 1 ] || {
	rounds=20
	reboots=5
}
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
say rounds $round "$(cat /sys/devices/system/cpu/online)"
# The CPU that booted goes as well, and the machine lives on without it.
echo 0 >/sys/devices/system/cpu/cpu0/online || fail "CPU 0 stays on"
say without-0 "$(cat /sys/devices/system/cpu/online)"
taskset 1 true 2>/dev/null && fail "something runs on CPU 0"
taskset 2 true || fail "nothing runs on CPU 1"
sleep 1
echo 1 >/sys/devices/system/cpu/cpu0/online || fail "CPU 0 stays off"
taskset 1 true || fail "nothing runs on CPU 0"
say with-0 "$(cat /sys/devices/system/cpu/online)"
END

cat >undefined.sh <<'END'
/test/undefined || fail "not all were undefined"
say undefined "$(/test/undefined | grep -c ' ill$')"
# Nor do accesses to what nobody has.
devmem 0x1000 32 1 && devmem 0x09001000 8 1 || fail "a write to nowhere"
say nowhere "$(devmem 0x1000 32)" "$(devmem 0x09001000 8)"
END

cat >kept.sh <<'END'
say psci "$(dmesg | grep -i 'psci: PSCIv')"
echo 0 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 stays on"
say less "$(cat /sys/devices/system/cpu/online)"
echo 1 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 stays off"
say all "$(cat /sys/devices/system/cpu/online)"
END

cat >sleep.sh <<'END'
say modes "$(cat /sys/power/state) / $(cat /sys/power/mem_sleep)"
sleep_once()
{
	echo "$1" >/sys/power/mem_sleep || fail "no $1"
	alarm=5
	while :; do
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		before=$(date +%s)
		echo +$alarm >/sys/class/rtc/rtc0/wakealarm || fail alarm
		echo mem >/sys/power/state && break
		# On a busy machine the alarm may ring before the guest sleeps, which then does not.
		[ $(($(date +%s) - before)) -ge $((alarm - 1)) ] && [ $alarm -lt 40 ] || {
			fail "$1: does not sleep"
			break
		}
		alarm=$((alarm * 2))
	done
	say slept "$1" $(($(date +%s) - before >= 4)) "$(cat /sys/devices/system/cpu/online)"
}
sleep_once s2idle
sleep_once deep
sleep_once deep
END

cat >again.sh <<'END'
read -r answer
[ "$answer" = off ] || reboot -f
END

# A guest that says R, waits for a letter and resets, or powers off if it is not an r: an arm64 Image.
restarter()
{
	printf '\020\000\000\024' # b 0x40
	head -c 12 /dev/zero
	printf '\000\000\001\000\000\000\000\000' # image_size
	printf '\012\000\000\000\000\000\000\000' # flags
	head -c 24 /dev/zero
	printf 'ARM\144\000\000\000\000'
	printf '\001\040\241\322\040\140\200\122\040\060\000\271' # mov x1, #0x9000000; mov w0, #0x301; str w0, [x1, #0x30]
	printf '\100\012\200\122\040\000\000\271' # mov w0, #'R'; str w0, [x1]
	printf '\100\001\200\122\040\000\000\271' # mov w0, #'\\n'; str w0, [x1]
	printf '\040\030\100\271\340\377\047\067' # 1: ldr w0, [x1, #0x18]; tbnz w0, #4, 1b
	printf '\040\000\100\271\037\310\001\161' # ldr w0, [x1]; cmp w0, #'r'
	printf '\000\001\200\322\000\024\200\232' # mov x0, #8; cinc x0, x0, eq
	printf '\000\200\260\362\002\000\000\324' # movk x0, #0x8400, lsl #16; hvc #0
}

# resources PID: descriptors, threads and mappings it has.
resources()
{
	echo "$(find "/proc/$1/fd" -type l | wc -l) $(find "/proc/$1/task" -maxdepth 1 | wc -l) $(wc -l <"/proc/$1/maps")"
}

# resident PID: its memory in KiB.
resident()
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

# restarts NAME OPTION...: such a guest in the background.
restarts()
{
	name=$1
	shift
	restarter >restarter
	mkfifo "$name.in"
	/test/vmm run --kernel restarter --memory 64M --gic "${GIC:-3}" --console none --serial stdio "$@" \
		<>"$name.in" >"$name.out" 2>"$name.err" &
	pid=$!
	echo $pid >"$name.pid"
	running="$running $name"
}

starts()
{
	tries=0
	until [ "$(grep -c R "$1.out")" = "$2" ]; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 20)) ] || return 1
		usleep 50000
	done
}

# A kernel that keeps the firmware to itself.
case $(uname -r) in
6.1.*)
	guest k kept.sh --log-level info
	check kept-said grep -q 'this kernel keeps the guest.s firmware calls to itself' k.err
	check kept-psci says k 'psci .*PSCIv1'
	check kept-less says k 'less 0,2-3'
	check kept-all says k 'all 0-3'
	check kept-ends ended k 0
	sed 's/^/    /' k.out | grep VMMP
	grep 'keeps' k.err | sed 's/^/    /'
	finish
	;;
esac

# One guest for these.
: >itself.sh
for part in trng undefined hotplug; do
	! wanted $part || cat $part.sh >>itself.sh
done
if [ -s itself.sh ]; then
	guest t itself.sh --stats
fi
if wanted trng; then
	check trng-available says t 'available .*smccc_trng'
	check trng-current says t 'current smccc_trng'
	check trng-bytes says t 'bytes 1024'
	check psci-version says t 'psci .*PSCIv1.1 detected'
	check clock says t 'clock rtc-pl031.* 1'
fi
if wanted undefined; then
	check undefined says t 'undefined 7'
	check nowhere says t 'nowhere 0xFFFFFFFF 0xFF'
fi
if wanted hotplug; then
	check hotplug-starts says t 'online 0-3'
	check hotplug-rounds says t "rounds $rounds 0-3"
	check hotplug-without-0 says t 'without-0 1-3'
	check hotplug-with-0 says t 'with-0 0-3'
fi
if [ -s itself.sh ]; then
	check itself-ends ended t 0
	# It was not the kernel's PSCI: 9 calls and more came to the VMM.
	! wanted hotplug || check hotplug-calls-are-ours grep -q 'hypercall [1-9][0-9]' t.err
	sed 's/^/    /' t.out | grep VMMP
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
	restarts r --no-reboot
	check reset-starts starts r 1
	printf r >r.in
	check reset-status ended r 3
fi
if wanted reboot; then
	reboot=1
	guest_cpus=2
	guest a again.sh
	start=1
	while check "reboot-$start" has_said a init $start && [ $start -lt $reboots ]; do
		start=$((start + 1))
		tell a again
	done
	tell a off
	check reboot-ends ended a 0
	reboot=
fi
if wanted leak; then
	resets=10
	[ "$FULL" != 1 ] || resets=100
	restarts l --cpus 4
	# What is made once, at the first resets, is not a leak. No line's end: the next start would read it.
	start=1
	while [ $start -le 3 ] && starts l $start; do
		printf r >l.in
		start=$((start + 1))
	done
	starts l $start
	before=$(resources $pid)
	resident=$(resident $pid)
	while [ $start -lt $((resets + 4)) ]; do
		printf r >l.in
		start=$((start + 1))
		starts l $start || break
	done
	check leak-starts starts l $((resets + 4))
	after=$(resources $pid)
	grown=$(($(resident $pid) - resident))
	echo "    $resets resets: descriptors, threads, mappings $before, then $after; $resident KiB, then $grown more"
	check leak-resources test "$before" = "$after"
	check leak-memory test $grown -lt 64
	printf q >l.in
	check leak-ends ended l 0
fi
finish
