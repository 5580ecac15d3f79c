# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # variables are lib.sh's
# A KVM that cannot go on with a guest, which no guest is known to bring about: a library between
# the VMM and the kernel does. The VMM ends with status 4 and says where the guest was, and how it
# came there; it does not start it again.
# shellcheck source=tests/guest/devices/lib.sh
. /test/lib.sh

library=/test/programs/libkvm_fails.so
check library test -e "$library" || finish

cat >script.sh <<'END'
say up
sleep 1000
END

reboot=1
guest_cpus=2
# crash NAME HOW MESSAGE
crash()
{
	wanted "$1" || return 0
	vmm_prefix="env LD_PRELOAD=$library KVM_FAILS=$2:300"
	guest "$1" script.sh
	check "$1-status" ended "$1" 4
	check "$1-message" grep -q "vcpu[01]: $3" "$1.err"
	check "$1-registers" grep -q 'vcpu[01]: pc 0x[0-9a-f]* pstate 0x' "$1.err"
	check "$1-last-exits" test "$(grep -c 'vcpu[01]: exit -[0-9]* ' "$1.err")" -ge 16
	check "$1-once" test "$(tr -d '\r' <"$1.out" | grep -c 'VMMP init')" -le 1
	grep -m 3 'vcpu[01]:' "$1.err" | sed 's/^/    /'
}

crash memory memory 'KVM cannot run it: Bad address'
crash entry entry 'the hardware refuses to enter the guest, reason 0xbad'
crash internal internal 'KVM had an internal error 4'
finish
