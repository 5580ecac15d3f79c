#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every benchmark, into BUILD-FOLDER/bench/results.json and docs/benchmarks.
#
#   bench/run.sh BUILD-FOLDER
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?bench/run.sh: the build folder is needed}
"$here/micro.sh" "$build"
"$here/net.sh" "$build"
"$here/blk.sh" "$build"
"$here/exit.sh" "$build"
"$here/size.sh" "$build"
"$here/vhost_user.sh" "$build"
"$here/boot.sh" "$build/arm64/vmm/vmm"
"$here/devices.sh" "$build/arm64/vmm/vmm"
"$here/irq.sh" "$build/arm64/vmm/vmm"
"$here/crossvm.sh" "$build/arm64/vmm/vmm"
"$here/report.sh" "$build" "$here/../docs/benchmarks"
echo "results: $build/bench/results.json"
