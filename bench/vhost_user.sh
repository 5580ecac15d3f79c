#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Devices over vhost-user beside those of others, the same front-end before each:
#   blk.iops.vhost_user   reads of 4 KiB a second from one file, beside qemu-storage-daemon
#   net.pps.vhost_user    frames of 64 bytes a second from testpmd's virtio-user, beside DPDK's vhost
#
#   bench/vhost_user.sh BUILD-FOLDER [blk|net]
#
# Times, not counts: runs of both take turns, and the medians are compared. A part whose programs are
# absent (Debian: qemu-system-common, dpdk-dev librte-net-vhost23 librte-net-virtio23
# librte-mempool-ring23) is skipped, said. A run that gives no figure is said with the reason, and
# the others count; a busy machine takes longer, as a run ends when it has had its seconds.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(realpath "${1:?bench/vhost_user.sh: the build folder is needed}")
vmm=$build/x86/vmm/vmm-x86_64
front=$build/gcc/bench/bench-vhost-user-blk
rounds=${VMMP_BENCH_ROUNDS:-5}
seconds=3
patience=${VMMP_BENCH_PATIENCE:-60} # Seconds that a run may take until it has had them.
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

# finish PID SIGNAL: ends it; by force if it has not in ten seconds.
finish()
{
    local waited
    kill "-$2" "$1" 2>/dev/null || true
    for ((waited = 0; waited < 100; waited++)); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

stop()
{
    [ -z "$server" ] || finish "$server" TERM
    server=
}

# serve COMMAND…: in the background until there is $work/socket. False, and why in $work/why.
serve()
{
    rm -f "$work/socket"
    "$@" >"$work/server.log" 2>&1 &
    server=$!
    for ((waited = 0; waited < patience * 10; waited++)); do
        [ -S "$work/socket" ] && return
        kill -0 $server 2>/dev/null || break
        sleep 0.1
    done
    echo "no socket from $1: $(tail -n 1 "$work/server.log")" >"$work/why"
    return 1
}

# attempt FILE MEASURE SERVER…: the figure that "MEASURE" prints before that back-end, into FILE; or why
# there is none, which is no reason to end.
attempt()
{
    local file=$1 measure=$2
    shift 2
    : >"$work/why"
    if serve "$@" && $measure >"$work/figure" && [ -s "$work/figure" ]; then
        cat "$work/figure" >>"$file"
    else
        echo "bench: a run before $(basename "$1") gave no figure: $(cat "$work/why")" >&2
    fi
    stop
}

# median FILE: of the numbers in it, one a line.
median()
{
    sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

# entry NAME UNIT VERSUS: an entry of the results, from the numbers in $work/ours and $work/theirs.
entry()
{
    if ! [ -s "$work/ours" ] || ! [ -s "$work/theirs" ]; then
        echo "bench: $1: no figure, every run before $([ -s "$work/ours" ] && echo "$3" || echo vmm) failed (above)" >&2
        return
    fi
    awk -v name="$1" -v unit="$2" -v versus="$3" -v ours="$(median "$work/ours")" \
        -v theirs="$(median "$work/theirs")" 'BEGIN {
        printf "{\"name\":\"%s\",\"value\":%.0f,\"unit\":\"%s\",\"better\":\"higher\",", name, ours, unit
        printf "\"versus\":\"%s\",\"versus_value\":%.0f,\"ratio\":%.3f}\n", versus, theirs, ours / theirs
    }' >"$work/entry"
    sed 's/[{}"]//g; s/,/  /g' "$work/entry"
    "$here/merge.sh" "$build/bench/results.json" <"$work/entry"
}

# ---- Disk ----

# read_disk DEPTH: requests a second.
read_disk()
{
    timeout $((seconds + patience)) "$front" "$work/socket" "$seconds" "$1" >"$work/front.log" 2>&1 || {
        echo "$(basename "$front"): $(tail -n 1 "$work/front.log")" >"$work/why"
        return 1
    }
    sed 's/[a-z]*=//g' "$work/front.log" | awk '{ printf "%.0f\n", $1 / $2 }'
}

blk()
{
    local depth round name
    command -v qemu-storage-daemon >/dev/null || {
        echo "bench: blk.iops.vhost_user skipped: no qemu-storage-daemon" >&2
        return 0
    }
    dd if=/dev/urandom of="$work/disk" bs=1M count=64 status=none
    for depth in 32 1; do
        : >"$work/ours"
        : >"$work/theirs"
        for ((round = 0; round < rounds; round++)); do
            attempt "$work/ours" "read_disk $depth" \
                "$vmm" vhost-user --device blk --socket "$work/socket" --disk "$work/disk"
            attempt "$work/theirs" "read_disk $depth" qemu-storage-daemon \
                --blockdev "driver=file,node-name=disk,aio=io_uring,filename=$work/disk" \
                --export "type=vhost-user-blk,id=disk,node-name=disk,writable=on,addr.type=unix,addr.path=$work/socket"
        done
        name=blk.iops.vhost_user
        [ $depth = 32 ] || name=$name.depth_$depth
        entry $name requests/s qemu-storage-daemon
    done
}

# ---- Network ----

# rates: those that testpmd has printed; the first second is not whole, the last may not be.
rates()
{
    sed -n 's/.*Tx-pps: *\([0-9]*\).*/\1/p' "$work/front.log" | sed '1d;$d'
}

# send PACKED: frames a second that the back-end took. testpmd ends when it is interrupted.
send()
{
    local testpmd waited
    dpdk-testpmd -l 0,1 --no-huge -m 128 --no-pci --file-prefix=vmmp-front \
        --vdev="net_virtio_user0,path=$work/socket,queues=1,packed_vq=$1" -- \
        --total-num-mbufs=4096 --forward-mode=txonly --stats-period 1 --auto-start \
        </dev/null >"$work/front.log" 2>&1 &
    testpmd=$!
    for ((waited = 0; waited < patience * 5; waited++)); do
        [ "$(rates | wc -l)" -lt $seconds ] || break
        kill -0 $testpmd 2>/dev/null || break
        sleep 0.2
    done
    finish $testpmd INT
    rates >"$work/rates"
    if ! [ -s "$work/rates" ]; then
        echo "no rates from testpmd in $patience s: $(grep -v '^ *$' "$work/front.log" | tail -n 1)" >"$work/why"
        return 1
    fi
    if [ "$(median "$work/rates")" = 0 ]; then
        echo "no frame left testpmd: $(tail -n 1 "$work/server.log")" >"$work/why"
        return 1
    fi
    median "$work/rates"
}

net()
{
    local round packed name
    command -v dpdk-testpmd >/dev/null || {
        echo "bench: net.pps.vhost_user skipped: no dpdk-testpmd" >&2
        return 0
    }
    [ "$(nproc)" -ge 2 ] || {
        echo "bench: net.pps.vhost_user skipped: one processor, who sends and who receives need one each" >&2
        return 0
    }
    for packed in 0 1; do
        : >"$work/ours"
        : >"$work/theirs"
        for ((round = 0; round < rounds; round++)); do
            # The sender is on processor 1, who receives on processor 0.
            attempt "$work/ours" "send $packed" \
                taskset -c 0 "$vmm" vhost-user --device net --socket "$work/socket" --net switch=bench
            attempt "$work/theirs" "send $packed" \
                dpdk-testpmd -l 0,1 --main-lcore 1 --no-huge -m 128 --no-pci --file-prefix=vmmp-back \
                --vdev="net_vhost0,iface=$work/socket,queues=1" -- \
                --total-num-mbufs=4096 --forward-mode=rxonly --stats-period 600 --auto-start
        done
        name=net.pps.vhost_user
        [ $packed = 0 ] || name=$name.packed
        entry $name packets/s dpdk
    done
}

case ${2:-all} in
blk) blk ;;
net) net ;;
all) blk && net ;;
*) echo "bench/vhost_user.sh: $2 is not blk or net" >&2 && exit 2 ;;
esac
