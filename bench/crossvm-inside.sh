# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC1091,SC2034,SC2154 # what lib.sh sets and reads
#
# The part of bench/crossvm.sh beside the VMMs (busybox sh, with tests/guest/devices/lib.sh):
#
#   sh crossvm-inside.sh ROUNDS
#
# Prints "NAME COUNT MICROSECONDS" for each measurement.

. /test/lib.sh

rounds=$1
cp /carry/crossvm/*.ko "$dir/guest/test/" || exit 1
cat >script <<'END'
insmod /test/uio.ko
insmod /test/uio_pci_generic.ko
echo "1af4 a111" >/sys/bus/pci/drivers/uio_pci_generic/new_id
say serving
while read -r id command rest; do
	case $command in
	run) say "$id" "$(/test/crossvm $rest 2>&1)" ;;
	start) (/test/crossvm $rest >/dev/null 2>&1; say "$id" over) & ;;
	stop) killall crossvm ;;
	end) break ;;
	esac
done
END

# measure A B NAME: two guests, and beside them two processes. The first round is for memory that nobody
# has touched yet, and not counted.
measure()
{
	check serving says "$1" serving >&2 || exit 1
	check serving says "$2" serving >&2 || exit 1
	for round in $(seq 0 "$rounds"); do
		prefix=
		[ "$round" != 0 ] || prefix=warm_
		tell "$1" "1$round" start s answer 500
		tell "$2" "2$round" run s ask 500
		check ask says "$2" "2$round " >&2 || exit 1
		echo "${prefix}event_rtt$3 $(said "$2" "2$round")"
		check answer says "$1" "1$round " >&2 || exit 1
		echo "${prefix}pipe_rtt $(/test/programs/crossvm - pipe 5000)"
		tell "$1" "3$round" start s send
		tell "$2" "4$round" run s receive 16777216
		check receive says "$2" "4$round " >&2 || exit 1
		echo "${prefix}bytes$3 $(said "$2" "4$round" | cut -d ' ' -f 1,4)"
		tell "$1" "5$round" stop
		check stop says "$1" "3$round " >&2 || exit 1
		echo "${prefix}memory_bytes $(/test/programs/crossvm - memory 16777216 | cut -d ' ' -f 1,4)"
	done
	tell "$1" 99 end
	tell "$2" 99 end
}

share="s,size=256K,peer=$dir/s"
guest a script --share "$share"
guest b script --share "$share"
measure a b ''
ended a 0 && ended b 0 || exit 1
beside=d
beside_options="--share $share"
guest c script --share "$share"
measure c d .one_process
ended c 0
