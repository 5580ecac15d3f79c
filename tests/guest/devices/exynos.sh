# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # variables are lib.sh's
# The board exynos5422: Debian's stock armmp kernel on its own device tree of the ODROID-XU4.
# needs: --gic 2 --cpus 2
# needs with --full: --cpus 4
# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

kernel=/carry/armmp/linux
initrd=/carry/armmp/initrd
programs=/nowhere # They are 64-bit ones.
memory=256M
apart=1
console=ttySAC2
GIC= # The board's own.
board='--machine exynos5422 --dtb /carry/armmp/exynos5422-odroidxu4.dtb'
# Emulation makes exits dear: in periodic mode a tick of the MCT costs two of them, and not 14.
periodic='highres=off nohz=off clocksource=arch_sys_counter'

# The MCT ticks, drivers are bound, clocks have the rates that the PLLs say.
cat >boot.sh <<'END'
ticks()
{
	awk '/mct_tick0/ { print $2 }' /proc/interrupts
}
mount -t debugfs debugfs /sys/kernel/debug
say machine "$(tr '\0' ' ' </proc/device-tree/model)"
say event "$(cat /sys/devices/system/clockevents/clockevent0/current_device)"
say source "$(cat /sys/devices/system/clocksource/clocksource0/available_clocksource)"
before=$(ticks)
sleep 1
say ticking $(($(ticks) > before))
say pinctrl "$(ls -d /sys/bus/platform/drivers/samsung-pinctrl/*.pinctrl | wc -l)"
say pmu "$(ls -d /sys/bus/platform/drivers/exynos-pmu/*.system-controller | wc -l)"
say uart "$(ls /sys/class/tty | grep -c ttySAC)"
while read -r clock rate; do
	read -r real <"/sys/kernel/debug/clk/$clock/clk_rate"
	[ "$real" = "$rate" ] || fail "clock $clock has $real Hz, not $rate"
done <<'CLOCKS'
fin_pll 24000000
fout_apll 800000000
fout_bpll 825000000
fout_cpll 666000000
fout_dpll 600000000
fout_epll 400000000
fout_ipll 432000000
fout_kpll 600000000
fout_mpll 532000000
fout_rpll 266000000
fout_spll 400000000
fout_vpll 350000000
CLOCKS
say clocks
say type
read -r typed
say typed "$typed"
END

# Pins from sysfs, seen by the VMM; and two whose interrupts are the combiner's: gpx0-4 in sysfs, and
# gpx0-3, the power key that the kernel's gpio-keys has.
cat >pins.sh <<'END'
base()
{
	for chip in /sys/class/gpio/gpiochip*; do
		read -r label <"$chip/label"
		[ "$label" != "$1" ] || cat "$chip/base"
	done
}
out=$(($(base gpb0) + 2))
in=$(($(base gpx0) + 4))
key='power key'
END
pins_of_guest >>pins.sh

cat >cpus.sh <<'END'
say online "$(cat /sys/devices/system/cpu/online)"
mask=1
for cpu in /sys/devices/system/cpu/cpu[0-9]; do
	taskset "$(printf %x $mask)" true || fail "nothing runs on $cpu"
	mask=$((mask * 2))
done
echo 0 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 stays on"
say left "$(cat /sys/devices/system/cpu/online)"
echo 1 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 stays off"
taskset 2 true || fail "nothing runs on CPU 1 again"
say back "$(cat /sys/devices/system/cpu/online)"
reboot -f
END

cat >only.sh <<'END'
say event "$(cat /sys/devices/system/clockevents/clockevent0/current_device)"
say source "$(cat /sys/devices/system/clocksource/clocksource0/available_clocksource)"
sleep 1
say slept
END

# One guest for both.
: >both.sh
! wanted boot || cat boot.sh >>both.sh
! wanted pins || cat pins.sh >>both.sh
if [ -s both.sh ]; then
	append=$periodic
	# shellcheck disable=SC2086 # words
	guest b both.sh $board --control ctl --stats
fi
if wanted boot; then
	check boot-machine says b 'machine Hardkernel Odroid XU4'
	check boot-mct-ticks says b 'ticking 1'
	check boot-mct-event says b 'event mct_tick0'
	check boot-beside-arch-timer says b 'source .*arch_sys_counter'
	check boot-pinctrl says b 'pinctrl 5'
	check boot-pmu says b 'pmu 1'
	check boot-clocks says b clocks
	check boot-asks says b type
	tell b "what is typed"
	check boot-typing says b 'typed what is typed'
fi
if wanted pins; then
	check_pins b gpb0-2 gpx0-4 gpx0-3 high gpq9-9
fi
if [ -s both.sh ]; then
	# By PS_HOLD: there is no other way.
	check power-off ended b 0
	! wanted pins || check pins-combiner grep -q 'interrupts combiner [1-9]' b.err
	sed 's/^/    /' b.out | grep VMMP
fi
if wanted cpus; then
	append=$periodic
	# With --full all of the cluster.
	guest_cpus=2
	others=0
	if [ "$FULL" = 1 ] && [ "$CPUS" -ge 4 ]; then
		guest_cpus=4
		others=0,2-3
	fi
	# shellcheck disable=SC2086 # words
	guest c cpus.sh $board
	check cpus-online says c "online 0-$((guest_cpus - 1))"
	check cpus-off says c "left $others"
	check cpus-on says c "back 0-$((guest_cpus - 1))"
	check cpus-reset-status ended c 3
	sed 's/^/    /' c.out | grep VMMP
	guest_cpus=1
fi
# The MCT alone: a tree without the generic timer.
if wanted only && [ "$FULL" = 1 ]; then
	append='highres=off nohz=off'
	# shellcheck disable=SC2086 # words
	guest o only.sh --machine exynos5422 --dtb /carry/armmp/mct-only.dtb
	check only-event says o 'event mct_tick0'
	check only-source says o 'source mct-frc'
	check only-no-other sh -c '! grep -q "source.*arch_sys_counter" o.out'
	check only-sleeps says o slept
	check only-ends ended o 0
fi
finish
