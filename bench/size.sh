#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Bytes of code, data and stack of each virtio device, of the core and of the transports, in the
# optimized build:
#
#   size.NAME.text    code and constants of its own files
#   size.NAME.data    the structure that a device is, and static variables; requests, ports and
#                     queues that a client gives it memory for are extra
#   size.NAME.stack   the deepest path of calls from its own files through the library, by the
#                     compiler's call graph. Calls of pointers (backends, hooks) end a path.
#
#   bench/size.sh BUILD-FOLDER      (built with -fcallgraph-info=su, see the Makefile's target gcc)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?bench/size.sh: the build folder is needed}
objects=$build/gcc/CMakeFiles/vmmp_common-aarch64.dir/src
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# files_of NAME: its objects in src/virtio, without their ends
files_of()
{
    case $1 in
    rng) echo virtio_rng ;;
    blk) echo virtio_blk virtio_blk_request ;;
    net) echo virtio_net virtio_net_ctrl virtio_net_filter virtio_net_rx virtio_net_tx ;;
    console) echo virtio_console virtio_console_control virtio_console_data ;;
    balloon) echo virtio_balloon virtio_balloon_pages virtio_balloon_stats ;;
    vsock) echo virtio_vsock ;;
    pci) echo virtio_pci virtio_pci_legacy virtio_pci_modern ;;
    mmio) echo virtio_mmio ;;
    core) echo virtio virtio_queue virtio_register virtio_register_hooks virtio_doorbell virtqueue \
        virtqueue_split virtqueue_packed virtqueue_walk ;;
    esac
}

# deepest FILE...: the deepest path from a function of these, in the graph of the whole library
deepest()
{
    local file
    for file; do
        echo "own src/virtio/$file.c"
    done >"$work/own"
    find "$objects" -name '*.ci' -exec cat {} + | awk -v own_file="$work/own" '
        function depth(name, i, count, list, best, d) {
            if (name in known) {
                return known[name]
            }
            known[name] = 0 # Recursion counts once; there is none in the library.
            count = split(calls[name], list, " ")
            for (i = 1; i <= count; i++) {
                d = depth(list[i])
                best = d > best ? d : best
            }
            return known[name] = frame[name] + best
        }
        BEGIN {
            while ((getline line <own_file) > 0) {
                sub(/^own /, "", line)
                own[line] = 1
            }
        }
        {
            split($0, part, "\"")
        }
        /^graph:/ { file = part[2] }
        /^node:/ && match($0, /[0-9]+ bytes/) {
            name = part[2]
            frame[name] = substr($0, RSTART, RLENGTH) + 0
            for (one in own) {
                if (substr(file, length(file) - length(one) + 1) == one) {
                    root[name] = 1
                }
            }
        }
        /^edge:/ { calls[part[2]] = calls[part[2]] " " part[4] }
        END {
            for (name in root) {
                d = depth(name)
                best = d > best ? d : best
            }
            print best + 0
        }'
}

# entry NAME VALUE
entry()
{
    printf '{"name":"%s","value":%u,"unit":"bytes","better":"lower"}\n' "$1" "$2"
}

[ -n "$(find "$objects" -name '*.ci' -print -quit 2>/dev/null)" ] || {
    echo "bench: sizes skipped: $build/gcc was built without -fcallgraph-info=su (make gcc)"
    exit 0
}
"$build/gcc/bench/bench-sizes" >"$work/states"
for name in balloon blk console core mmio net pci rng vsock; do
    read -ra files <<<"$(files_of $name)"
    (cd "$objects/virtio" && size "${files[@]/%/.c.o}") >"$work/size"
    state=$(awk -v name=$name '$1 == name { print $2 }' "$work/states")
    entry size.$name.text "$(awk 'NR > 1 { sum += $1 } END { print sum }' "$work/size")"
    entry size.$name.data "$(awk -v sum="${state:-0}" 'NR > 1 { sum += $2 + $3 } END { print sum }' "$work/size")"
    entry size.$name.stack "$(deepest "${files[@]}")"
done >"$work/entries"
sed 's/[{}"]//g; s/,/  /g' "$work/entries"
"$here/merge.sh" "$build/bench/results.json" <"$work/entries"
