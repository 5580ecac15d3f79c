#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Devices over vhost-user beside those of others, the same front-end before each:
#   blk.iops.vhost_user   reads of 4 KiB a second from one file, beside qemu-storage-daemon
#   net.pps.vhost_user    frames of 64 bytes a second from testpmd's virtio-user, beside DPDK's vhost
#
#   bench/vhost_user.sh BUILD-FOLDER
#
# Times, not counts: runs of both take turns, and the medians are compared. A part whose programs are
# absent (Debian: qemu-system-common, dpdk-dev librte-net-vhost23 librte-net-virtio23
# librte-mempool-ring23) is skipped, said.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath "${1:?bench/vhost_user.sh: the build folder is needed}")
vmm=$build/x86/vmm/vmm-x86_64
front=$build/gcc/bench/bench-vhost-user-blk
rounds=${VMMP_BENCH_ROUNDS:-5}
seconds=3
[ -x "$vmm" ] || {
    echo "bench: vhost-user skipped: no $vmm (make vmm-x86)"
    exit 0
}
work=$(mktemp -d)
server=
cleanup()
{
    stop
    rm -rf "$work"
}
trap cleanup EXIT

stop()
{
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    server=
}

# serve COMMAND…: in the background until there is $work/socket.
serve()
{
    rm -f "$work/socket"
    "$@" >"$work/server.log" 2>&1 &
    server=$!
    for _ in $(seq 200); do
        [ -S "$work/socket" ] && return
        sleep 0.05
    done
    cat "$work/server.log" >&2
    return 1
}

# median FILE: of the numbers in it, one a line.
median()
{
    sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

# entry NAME UNIT VERSUS OURS THEIRS: an entry of the results; files of numbers.
entry()
{
    awk -v name="$1" -v unit="$2" -v versus="$3" -v ours="$(median "$4")" -v theirs="$(median "$5")" 'BEGIN {
        printf "{\"name\":\"%s\",\"value\":%.0f,\"unit\":\"%s\",\"better\":\"higher\",", name, ours, unit
        printf "\"versus\":\"%s\",\"versus_value\":%.0f,\"ratio\":%.3f}\n", versus, theirs, ours / theirs
    }'
}

# ---- Disk ----

read_disk()
{
    "$front" "$work/socket" "$seconds" "$1" | sed 's/[a-z]*=//g' | awk '{ printf "%.0f\n", $1 / $2 }'
}

blk()
{
    local depth round
    command -v qemu-storage-daemon >/dev/null || {
        echo "bench: blk.iops.vhost_user skipped: no qemu-storage-daemon" >&2
        return 0
    }
    dd if=/dev/urandom of="$work/disk" bs=1M count=64 status=none
    for depth in 32 1; do
        : >"$work/ours"
        : >"$work/theirs"
        for ((round = 0; round < rounds; round++)); do
            serve "$vmm" vhost-user --device blk --socket "$work/socket" --disk "$work/disk"
            read_disk $depth >>"$work/ours"
            stop
            serve qemu-storage-daemon --blockdev "driver=file,node-name=disk,aio=io_uring,filename=$work/disk" \
                --export "type=vhost-user-blk,id=disk,node-name=disk,writable=on,addr.type=unix,addr.path=$work/socket"
            read_disk $depth >>"$work/theirs"
            stop
        done
        if [ $depth = 1 ]; then
            entry blk.iops.vhost_user.depth_1 requests/s qemu-storage-daemon "$work/ours" "$work/theirs"
        else
            entry blk.iops.vhost_user requests/s qemu-storage-daemon "$work/ours" "$work/theirs"
        fi
    done
}

# ---- Network ----

# send PACKED: frames a second that the back-end took. testpmd ends when it is interrupted.
send()
{
    timeout -s INT -k 10 $((seconds + 3)) dpdk-testpmd -l 0,1 --no-huge -m 128 --no-pci --file-prefix=vmmp-front \
        --vdev="net_virtio_user0,path=$work/socket,queues=1,packed_vq=$1" -- \
        --total-num-mbufs=4096 --forward-mode=txonly --stats-period 1 --auto-start \
        </dev/null >"$work/front.log" 2>&1 || true
    # The first and the last second are not whole.
    sed -n 's/.*Tx-pps: *\([0-9]*\).*/\1/p' "$work/front.log" | sed '1d;$d' >"$work/rates"
    [ -s "$work/rates" ] || {
        tail -n 5 "$work/front.log" >&2
        return 1
    }
    median "$work/rates"
}

net()
{
    local round packed name
    command -v dpdk-testpmd >/dev/null || {
        echo "bench: net.pps.vhost_user skipped: no dpdk-testpmd" >&2
        return 0
    }
    for packed in 0 1; do
        : >"$work/ours"
        : >"$work/theirs"
        for ((round = 0; round < rounds; round++)); do
            # The sender is on processor 1, who receives on processor 0.
            serve taskset -c 0 "$vmm" vhost-user --device net --socket "$work/socket" --net switch=bench
            send $packed >>"$work/ours"
            stop
            serve timeout 60 dpdk-testpmd -l 0,1 --main-lcore 1 --no-huge -m 128 --no-pci --file-prefix=vmmp-back \
                --vdev="net_vhost0,iface=$work/socket,queues=1" -- \
                --total-num-mbufs=4096 --forward-mode=rxonly --stats-period 60 --auto-start
            send $packed >>"$work/theirs"
            stop
        done
        name=net.pps.vhost_user
        [ $packed = 0 ] || name=$name.packed
        entry $name packets/s dpdk "$work/ours" "$work/theirs"
    done
}

case ${2:-all} in
blk) blk ;;
net) net ;;
all) blk && net ;;
esac >"$work/entries"
sed 's/[{}"]//g; s/,/  /g' "$work/entries"
"$here/merge.sh" "$build/bench/results.json" <"$work/entries"
