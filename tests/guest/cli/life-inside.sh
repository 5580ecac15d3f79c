#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What life.sh runs beside the VMM: life-inside.sh VMM KERNEL INITRD [APPEND]. busybox sh is enough.

vmm=$1
kernel=$2
initrd=$3
append="console=hvc0 quiet panic=-1 ${4:-}"
failures=0
dir=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir" || exit 1

check()
{
	name=$1
	shift
	if "$@"; then
		echo "ok $name"
	else
		failures=$((failures + 1))
		echo "FAILED $name"
		for file in out err answers; do
			[ ! -s $file ] || sed "s/^/    $file: /" $file
		done
	fi
}

# wait_for TEXT FILE
wait_for()
{
	tries=0
	until grep -q -e "$1" "$2" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || return 1
		kill -0 "$pid" 2>/dev/null || grep -q -e "$1" "$2" || return 1
		usleep 200000 2>/dev/null || sleep 0.2
	done
}

# start ARGUMENT...: a guest in the background, its console on descriptor 4 and in the file out.
start()
{
	rm -f out err
	"$vmm" run --kernel "$kernel" --initrd "$initrd" --append "$append" "$@" <in >out 2>err 4>&- &
	pid=$!
}

# ended STATUS: the VMM ends with it.
ended()
{
	wait "$pid"
	status=$?
	pid=
	[ $status = "$1" ] || echo "    status $status"
	[ $status = "$1" ]
}

# A packet of gdb's protocol.
packet()
{
	sum=0
	text=$1
	while [ -n "$text" ]; do
		rest=${text#?}
		sum=$(((sum + $(printf '%d' "'${text%"$rest"}")) & 255))
		text=$rest
	done
	# shellcheck disable=SC2016 # a dollar sign is meant
	printf '$%s#%02x' "$1" $sum
}

mkfifo in || exit 1
exec 4<>in

# No permission: as a user outside the group kvm. Only where it breaks nothing: not on a machine that
# others use.
if [ "$(id -u)" = 0 ] && [ ! -e /etc/os-release ] && command -v su >/dev/null; then
	grep -qs '^nobody:' /etc/passwd || echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >>/etc/passwd
	chmod 600 /dev/kvm
	su -s /bin/sh nobody -c "exec $vmm run --kernel $kernel" >out 2>err
	check permission test "$? $(wc -l <err)" = '1 1'
	check permission-said grep -q '^vmm: /dev/kvm: no permission: join the group kvm' err
	# A member of the group needs nothing else. Without a root the kernel gives up and resets.
	grep -qs '^kvm:' /etc/group || echo 'kvm:x:104:nobody' >>/etc/group
	chgrp kvm /dev/kvm && chmod 660 /dev/kvm
	su -s /bin/sh nobody -c "exec $vmm run --no-reboot --kernel $kernel --append '$append'" \
		>out 2>err
	check member-of-kvm test $? = 3
	chmod 600 /dev/kvm
	rm -f /dev/kvm.away && mv /dev/kvm /dev/kvm.away
	"$vmm" run --kernel "$kernel" >out 2>err
	check no-kvm test "$? $(wc -l <err)" = '1 1'
	check no-kvm-said grep -q '^vmm: /dev/kvm: this machine has no KVM' err
	mv /dev/kvm.away /dev/kvm
fi

# A guest that is asked to power off does, by the kernel's own means; meanwhile it is looked at.
start --stats --trace trace --gdb 12345 --serial file:serial
check boots wait_for '# ' out
kill -USR1 "$pid"
check statistics-at-once wait_for 'vcpu0 exits total' err
if command -v nc >/dev/null; then
	ifconfig lo 127.0.0.1 up 2>/dev/null
	{
		printf '+'
		packet qSupported
		sleep 1
		printf '+'
		packet '?'
		sleep 1
		printf '+'
		packet g
		sleep 1
		printf '+'
		packet D
		sleep 1
	} | nc 127.0.0.1 12345 >answers
	check gdb-stops grep -q 'T05thread:1;' answers
	check gdb-registers grep -qE '[0-9a-f]{536}' answers
	check gdb-leaves grep -q 'OK#9a' answers
fi
# shellcheck disable=SC2016 # for the guest's shell
echo 'echo still $((6 * 7))' >&4
check alive-after-gdb wait_for 'still 42' out
kill -TERM "$pid"
check power-off-asked wait_for 'asking the guest to power off' err
check power-off ended 0
check power-off-by-guest grep -qE 'Power down|sysrq: Power Off' out
check statistics grep -q 'window pci config reads' err
check trace grep -qE '^ *[0-9]+\.[0-9]+ vcpu0 mmio-read 0xde000000 size 4 ' trace

# The second SIGTERM ends it, whatever the guest does.
start
check boots-again wait_for '# ' out
kill -TERM "$pid"
wait_for 'asking' err
kill -TERM "$pid"
check second-sigterm ended 143

# A guest that reboots starts again, on a machine of the same kind, and can do so again and again.
start
for time in first second third; do
	check "reboots-$time" wait_for '# ' out
	: >out
	echo 'reboot -f' >&4
done
check reboots-and-runs wait_for '# ' out
echo 'poweroff -f' >&4
check reboots-and-ends ended 0

# With --no-reboot a reset, here by a panic, ends the VMM with status 3.
start --no-reboot --append "$append rdinit=/nonexistent" --console "file:console"
check reset ended 3
check reset-said grep -q 'the guest asked for a reset' err
check console-file grep -q 'Kernel panic' console

# What the hardware does not decode ends no VM: an arm64 Image that reads PCI configuration space 20
# times, then a pair of registers from where nothing is, and powers off by PSCI.
{
	printf '\020\000\000\024' # b 0x40
	head -c 12 /dev/zero
	printf '\000\000\001\000\000\000\000\000' # image_size
	printf '\012\000\000\000\000\000\000\000' # flags
	head -c 24 /dev/zero
	printf 'ARM\144\000\000\000\000'
	printf '\042\040\241\322\203\002\200\322' # mov x2, #0x9010000; mov x3, #20
	printf '\004\300\273\322\200\000\100\271' # mov x4, #0xde000000; ldr w0, [x4]
	printf '\143\004\000\361\241\377\377\124' # subs x3, x3, #1; b.ne
	printf '\100\004\100\251\000\001\200\322' # ldp x0, x1, [x2]; mov x0, #8
	printf '\000\200\260\362\002\000\000\324' # movk x0, #0x8400, lsl #16; hvc #0
} >undecodable
"$vmm" run --kernel undecodable --console none --stats >out 2>err </dev/null
check undecoded-goes-on test $? = 0
check undecoded-was-seen grep -q 'exits undecoded 1' err

[ $failures = 0 ] || echo "$failures failed"
[ $failures = 0 ]
