#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What an edge into KVM's GIC costs its caller, the way the VMM does it and by an irqfd: the reason
# why there are no irqfds (docs/virtio-transports.md).
#
#   bench/irq.sh VMM      (the arm64 build; the program is taken from beside it)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"
program=$(dirname "${1:?bench/irq.sh: the path of the arm64 vmm is needed}")/../tests/guest/programs/irq_edges
[ -x "$program" ] || die "no $program: build it first (make vmm)"
"$tools/images.sh" testbed
# Five rounds, alternating inside the program; the medians of both.
"$tools/testbed.sh" --gic 3 --timeout 600 --file "$program:/irq_edges" -- \
	sh -c 'for i in 1 2 3 4 5; do /irq_edges 2000; done' |
	awk '$1 == "line" { line[++n] = $2; other[n] = $4 }
	function median(values, i, j, t) {
		for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
			if (values[j] < values[i]) { t = values[i]; values[i] = values[j]; values[j] = t }
		return values[int((n + 1) / 2)]
	}
	END {
		if (n == 0) exit 1
		a = median(line); b = median(other)
		printf "{\"name\":\"irq.edge.kvm\",\"value\":%d,\"unit\":\"ns\",\"better\":\"lower\",", a
		printf "\"versus\":\"irqfd\",\"versus_value\":%d,\"ratio\":%.3f}\n", b, a / b
	}' | tee /dev/stderr | "$here/merge.sh" "$vmmp_build/bench/results.json"
