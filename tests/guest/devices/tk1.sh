# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # variables are lib.sh's
# The board jetson-tk1: Debian's stock armmp kernel on its own device tree of the Jetson TK1.
# needs: --gic 2 --cpus 2
# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

kernel=/carry/armmp/linux
initrd=/carry/armmp/initrd
programs=/nowhere # They are 64-bit ones.
memory=256M
apart=1
console=ttyS0
GIC= # The board's own.
board='--machine jetson-tk1 --dtb /carry/armmp/tegra124-jetson-tk1.dtb'

# Drivers are bound, and clocks have the rates that the registers say.
cat >boot.sh <<'END'
mount -t debugfs debugfs /sys/kernel/debug
say machine "$(tr '\0' ' ' </proc/device-tree/model)"
say chip "$(cat /sys/devices/soc0/family) $(cat /sys/devices/soc0/revision) $(cat /sys/devices/soc0/soc_id)"
say uart "$(cat /sys/class/tty/ttyS0/iomem_base)"
bound()
{
	[ -e "/sys/bus/$1" ] || fail "no driver: $1"
}
bound platform/drivers/tegra124-pinctrl/70000868.pinmux
bound platform/drivers/tegra-pmc/7000e400.pmc
bound platform/drivers/tegra-i2c/7000d000.i2c
bound platform/drivers/tegra-gpio/6000d000.gpio
bound platform/drivers/as3722-regulator/as3722-regulator
say bound
read -r seconds </sys/class/rtc/rtc0/since_epoch
say clock "$(cat /sys/class/rtc/rtc0/name)" "$seconds"
while read -r clock rate; do
	read -r real <"/sys/kernel/debug/clk/$clock/clk_rate"
	[ "$real" = "$rate" ] || fail "clock $clock has $real Hz, not $rate"
done <<'CLOCKS'
osc 12000000
clk_m 12000000
pll_ref 12000000
clk_32k 32768
pll_p 408000000
pll_p_out1 9600000
pll_p_out3 102000000
pll_m 924000000
pll_x 696000000
uartd 408000000
CLOCKS
say clocks
say type
read -r typed
say typed "$typed"
END

# Pins S3 and S4 from sysfs, and the power key, which the kernel's gpio-keys has on Q0.
cat >pins.sh <<'END'
for chip in /sys/class/gpio/gpiochip*; do
	read -r label <"$chip/label"
	[ "$label" != tegra-gpio ] || read -r base <"$chip/base"
done
out=$((base + 147))
in=$((base + 148))
key=Power
END
pins_of_guest >>pins.sh

# By the flow controller, the power gates and the reset vector: there is no PSCI in the tree.
cat >cpus.sh <<'END'
say online "$(cat /sys/devices/system/cpu/online)"
taskset 2 true || fail "nothing runs on CPU 1"
echo 0 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 stays on"
say left "$(cat /sys/devices/system/cpu/online)"
echo 1 >/sys/devices/system/cpu/cpu1/online || fail "CPU 1 stays off"
taskset 2 true || fail "nothing runs on CPU 1 again"
say back "$(cat /sys/devices/system/cpu/online)"
reboot -f
END

# What the guest has read from its clock is this machine's time, less what the test took.
# shellcheck disable=SC2317 # called by check
clock_is_right()
{
	seconds=$(said b clock | sed 's/.* //')
	[ $(($(date +%s) - ${seconds:-0})) -lt 1000 ]
}

# One guest for both.
: >both.sh
! wanted boot || cat boot.sh >>both.sh
! wanted pins || cat pins.sh >>both.sh
if [ -s both.sh ]; then
	# shellcheck disable=SC2086 # words
	guest b both.sh $board --control ctl --stats
fi
if wanted boot; then
	check boot-machine says b 'machine NVIDIA Tegra124 Jetson TK1'
	check boot-chip says b 'chip Tegra Silicon A01 64'
	check boot-uart says b 'uart 0x70006300'
	check boot-bound says b bound
	check boot-clock says b 'clock as3722-rtc'
	check boot-time clock_is_right
	check boot-clocks says b clocks
	check boot-asks says b type
	tell b "what is typed"
	check boot-typing says b 'typed what is typed'
fi
if wanted pins; then
	check_pins b s-3 s-4 q-0 release gg-0
fi
if [ -s both.sh ]; then
	# By the power management chip, over I2C.
	check power-off ended b 0
	sed 's/^/    /' b.out | grep VMMP
fi
if wanted cpus; then
	guest_cpus=2
	# shellcheck disable=SC2086 # words
	guest c cpus.sh $board
	check cpus-online says c 'online 0-1'
	check cpus-off says c 'left 0'
	check cpus-on says c 'back 0-1'
	check cpus-reset-status ended c 3
	sed 's/^/    /' c.out | grep VMMP
	guest_cpus=1
fi
finish
