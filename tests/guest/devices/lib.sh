# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # the variables are for those who source this
#
# What the scripts of this folder use, in the testbed's machine (busybox sh): guests, and checks.
# To be sourced first:  . /test/lib.sh
#
# A guest runs a script of the test's own (tests/guest/init with vmmp.script=) and speaks in lines
# "VMMP …" on its console, which is kept in the file NAME.out; its VMM's messages in NAME.err.
#
#     cat >script <<'END'                    # sourced by the guest's init: say, fail, $console
#     say size "$(cat /sys/block/vda/size)"
#     read -r answer                         # waits for a line from the test
#     END
#     guest a script --disk disk.img         # GUEST SCRIPT VMM-OPTION...
#     check size says a 'size 2048'
#     tell a go on
#     check ends ended a 0
#     finish
#
# FULL, ONLY, GIC, CPUS and WITHOUT are those of device.sh. Files for the guest: put them below $dir/guest.
# $programs has the folder of test programs; guests have those that their scripts name in /test.

dir=$(mktemp -d) || exit 1
programs=/test/programs
failures=0
# How long guests may take for anything, in seconds: emulated, and perhaps beside other work. Scripts
# whose steps have much to do add what that takes on a slow machine.
patience=${PATIENCE:-240}
mkdir -p "$dir/guest/test"
cd "$dir" || exit 1
trap 'end_guests; cd /; rm -rf "$dir"' EXIT
running=
ifconfig lo 127.0.0.1 up 2>/dev/null

# wanted PART: whether --only lets this part of a test run.
wanted()
{
	[ -z "$ONLY" ] || echo "$1" | grep -q -e "$ONLY"
}

# check NAME COMMAND...: runs it, says how it went and, if badly, shows what the guests said.
check()
{
	check_name=$1
	shift
	if "$@"; then
		echo "ok $check_name"
		return 0
	fi
	failures=$((failures + 1))
	echo "FAILED $check_name: $*"
	for file in *.out *.err; do
		[ ! -s "$file" ] || tail -n 15 "$file" | tr -d '\r' | sed "s/^/    $file: /"
	done
	return 1
}

# skip NAME WHY
skip()
{
	echo "skipped $1 ($2)"
}

# make_root SCRIPT: the file root.cpio, the guest's with SCRIPT, the programs that it or a file of
# $dir/guest/test names ("/test/crossvm") and $dir/guest in it: a guest unpacks all of it as it boots.
make_root()
{
	cp "$1" "$dir/guest/test/script.sh"
	for program in "$programs"/*; do
		rm -f "$dir/guest/test/${program##*/}"
		[ ! -f "$program" ] || ! grep -q -s -e "/test/${program##*/}" "$dir"/guest/test/*.sh ||
			cp "$program" "$dir/guest/test/"
	done
	cp "${initrd:-/test/initrd}" "$dir/root.cpio"
	(cd "$dir/guest" && find . | cpio -o -H newc 2>/dev/null) >>"$dir/root.cpio"
}

# guest NAME SCRIPT OPTION...: starts one in the background. $memory and $guest_cpus may be set
# (128M, 1), and $append for more of its kernel's command line. $vmm_prefix: a command before.
# $kernel and $initrd: another guest than device.sh's. $console: another console than hvc0.
# A reset ends the VMM with status 3, or with reboot=1 starts the guest again.
# $beside: the name of another guest in the same VMM, with $beside_options of its own (words).
#
# apart=1: no two vCPUs share a processor of the machine, nor does one change to another. 32-bit
# guests need that here: QEMU keeps SPSR of the mode that such a guest is in from the hypervisor
# (docs/arm.md), so what another vCPU has done since is in it.
guest()
{
	name=$1
	make_root "$2"
	shift 2
	kernel_options="console=${console:-hvc0} ${WITHOUT:-} quiet panic=-1 vmmp.console=${console:-hvc0} vmmp.script=/test/script.sh ${append:-}"
	rm -f "$name.in" "$name.out" "$name.err"
	mkfifo "$name.in"
	reset=--no-reboot
	[ -z "${reboot:-}" ] || reset=
	# shellcheck disable=SC2086 # words
	[ -z "${beside:-}" ] || set -- --name "$name" "$@" -- --name "$beside" --kernel /test/linux --initrd root.cpio \
		--memory "${memory:-128M}" ${GIC:+--gic} $GIC $reset --append "$kernel_options" \
		--console "socket:$dir/$beside.sock" ${beside_options:-}
	# The reader keeps the fifo open, so that the guest never reads the end of a file.
	# shellcheck disable=SC2086 # words
	${apart:+taskset 1} ${vmm_prefix:-} /test/vmm run --kernel "${kernel:-/test/linux}" --initrd root.cpio --memory "${memory:-128M}" \
		--cpus "${guest_cpus:-1}" ${GIC:+--gic} $GIC $reset \
		--append "$kernel_options" "$@" \
		<>"$name.in" >"$name.out" 2>"$name.err" &
	pid=$!
	echo "$pid" >"$name.pid"
	running="$running $name"
	[ -z "${beside:-}" ] || talk_to "$beside"
	[ -z "${apart:-}" ] || spread "$pid"
	# The root is read before the guest runs; another guest may then overwrite it.
	tries=0
	until [ -s "$name.out" ] || ! kill -0 "$pid" 2>/dev/null || [ $tries -ge $((patience * 5)) ]; do
		tries=$((tries + 1))
		usleep 200000
	done
}

# talk_to NAME: the console of a guest beside another, as a guest's own.
talk_to()
{
	rm -f "$1.in" "$1.out"
	mkfifo "$1.in"
	"$programs/unix_stream" "$dir/$1.sock" <>"$1.in" >"$1.out" 2>/dev/null &
	echo "$pid" >"$1.pid"
}

# spread PID: gives a VMM's vCPUs, all on processor 0 and all but the first off still, one each.
spread()
{
	number=1
	while [ $number -lt "${guest_cpus:-1}" ] && kill -0 "$1" 2>/dev/null; do
		for task in /proc/"$1"/task/*; do
			[ "$(cat "$task/comm" 2>/dev/null)" = "$(printf 'vcpu%02d' $number)" ] || continue
			taskset -p $((1 << number)) "${task##*/}" >/dev/null
			number=$((number + 1))
			continue 2
		done
		usleep 20000
	done
}

# says NAME PATTERN: waits until the guest has said a line that begins with it (after "VMMP ").
says()
{
	tries=0
	until grep -q -e "VMMP $2" "$1.out" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 5)) ] || return 1
		# One that has ended says no more.
		kill -0 "$(cat "$1.pid")" 2>/dev/null || {
			grep -q -e "VMMP $2" "$1.out"
			return
		}
		usleep 200000
	done
}

# answers GUEST ID PATTERN: what the guest says after the word ID, in time, matches all of it.
answers()
{
	says "$1" "$2 " && said "$1" "$2" | grep -q -x -e "$3"
}

# has_said GUEST PATTERN TIMES: waits until the guest has said it so often, and no more often.
has_said()
{
	tries=0
	until [ "$(grep -c -e "VMMP $2" "$1.out")" = "$3" ]; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 5)) ] && kill -0 "$(cat "$1.pid")" 2>/dev/null || return 1
		usleep 200000
	done
}

# wait_for PATTERN FILE
wait_for()
{
	tries=0
	until grep -q -e "$1" "$2" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt $((patience * 5)) ] || return 1
		usleep 200000
	done
}

# said NAME WORD: prints what followed "VMMP WORD " last.
said()
{
	tr -d '\r' <"$1.out" | sed -n "s/^.*VMMP $2 //p" | tail -n 1
}

# tell NAME TEXT...: a line on the guest's console.
tell()
{
	name=$1
	shift
	echo "$*" >"$name.in"
}

# ended NAME STATUS: waits for the VMM's end, which has this status; the guest found nothing wrong.
ended()
{
	pid=$(cat "$1.pid")
	tries=0
	while kill -0 "$pid" 2>/dev/null; do
		tries=$((tries + 1))
		if [ $tries -ge $((patience * 5)) ]; then
			echo "    $1 does not end"
			return 1
		fi
		usleep 200000
	done
	wait "$pid"
	status=$?
	tr -d '\r' <"$1.out" | grep 'VMMP fail' && return 1
	[ $status = "$2" ] || echo "    $1 ended with status $status"
	[ $status = "$2" ]
}

# end_guests: kills what still runs.
end_guests()
{
	for name in $running; do
		kill -9 "$(cat "$name.pid")" 2>/dev/null
	done
	running=
}

# same FILE FILE: have the same bytes.
same()
{
	[ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]
}

# pins_of_guest: the end of a guest's script that is to drive the pin $out, to take interrupts of the pin
# $in, both numbers of sysfs, and of a key whose interrupts' name is $key.
pins_of_guest()
{
	cat <<'END'
interrupts()
{
	awk -v name="$1" '$0 ~ name { sum += $2 } END { print sum + 0 }' /proc/interrupts
}
cd /sys/class/gpio
echo $out >export
echo high >gpio$out/direction
say pin high
read -r answer
echo 0 >gpio$out/value
say pin low
read -r answer
echo $in >export
echo in >gpio$in/direction
echo both >gpio$in/edge
before=$(interrupts gpiolib)
keys=$(interrupts "$key")
say pin in "$(cat gpio$in/value)"
read -r answer
say pin driven "$(cat gpio$in/value)"
say pin interrupts $(($(interrupts gpiolib) - before)) $(($(interrupts "$key") - keys))
END
}

# pin NAME LEVEL [ACTION]: what the VMM says of a pin, after it has done that to it.
pin()
{
	/test/vmm ctl ctl pin "$1" ${3:+"$3"} | grep -q "\"high\": *$2"
}

# check_pins GUEST OUT IN KEY UP NONE: the pins of such a guest, whose VMM has --control ctl; UP, "high" or
# "release", lets go of the key. NONE is no pin.
check_pins()
{
	check pins-out says "$1" 'pin high'
	check pins-seen-high pin "$2" true
	tell "$1" next
	check pins-out-low says "$1" 'pin low'
	check pins-seen-low pin "$2" false
	tell "$1" next
	check pins-in says "$1" 'pin in 0'
	check pins-drive pin "$3" true high
	check pins-drive-low pin "$3" false low
	check pins-drive-again pin "$3" true high
	check pins-key-up pin "$4" true
	check pins-key-down pin "$4" false low
	check pins-key-let-go pin "$4" true "$5"
	check pins-no-such sh -c "! /test/vmm ctl ctl pin $6 high"
	tell "$1" next
	check pins-driven says "$1" 'pin driven 1'
	check pins-interrupts says "$1" 'pin interrupts 3 2'
}

# finish: the script's last line.
finish()
{
	[ $failures = 0 ] || echo "$failures failed"
	exit $((failures > 0))
}
