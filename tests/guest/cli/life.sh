#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How a guest and its VMM end, on real KVM: power off by SIGTERM, a second SIGTERM, a reset, no
# permission; and what a user sees meanwhile: statistics, a trace, a pseudo-terminal, gdb's protocol.
#
#   tests/guest/cli/life.sh VMM
#
# VMM is the arm64 build of vmm. On an arm64 machine with KVM (VMMP_RUN=direct) it runs there,
# otherwise in the emulated one.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=$here/../../../tools
# shellcheck source=tools/lib.sh
. "$tools/lib.sh"
# shellcheck source=tools/guest.sh
. "$tools/guest.sh"

vmm=${1:-}
[ -n "$vmm" ] || usage_error "the path of the arm64 vmm is needed"
"$tools/images.sh" testbed
guest=$vmmp_build/testbed

if [ "${VMMP_RUN:-auto}" = direct ]; then
	exec sh "$here/life-inside.sh" "$vmm" "$guest/linux-6.12" "$guest/guest-6.12.cpio" "$guest_without"
fi
exec "$tools/testbed.sh" --memory 1536 --timeout 540 --file "$vmm:/vmm" --file "$guest/linux-6.12:/linux" \
	--file "$guest/guest-6.12.cpio:/initrd" --file "$here/life-inside.sh:/life.sh" -- \
	sh /life.sh /vmm /linux /initrd "$guest_without" </dev/null
