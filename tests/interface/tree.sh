#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# House rules that a machine can check. Usage: tree.sh SOURCE-FOLDER
set -eu
cd "$1"
status=0
complain() { # title, lines
    if [ -n "$2" ]; then
        printf '%s\n%s\n' "$1" "$2"
        status=1
    fi
}

models="src/virtio src/devices src/usb src/guest src/fdt"
existing=""
for folder in $models; do
    [ -d "$folder" ] && existing="$existing $folder"
done

complain "a device model knows its host:" \
    "$(grep -rnE '#include [<"](sel4|sel4vm|vka|vspace|simple|platsupport|hosted)/' $existing |
        grep -v 'sel4/memory.h' || true)"
complain "a lane is shifted outside the binding:" \
    "$(grep -rlE 'get_vcpu_fault_data|set_vcpu_fault_data' src |
        grep -v '^src/bus/window_bind.c$' || true)"
complain "no SPDX line:" \
    "$(find include arch_include plat_include src hosted vmm tests bench examples tools cmake \
        -type f \( -name '*.[chS]' -o -name '*.sh' -o -name '*.cmake' \) \
        -exec grep -L 'SPDX-License-Identifier: BSD-2-Clause' {} + || true)"
complain "specification constants in a public native header:" \
    "$(grep -rnE '#define (VIRTIO_|PCI_)|struct vring' include/sel4vmmplatsupport/vmmp || true)"
complain "a system call or a file outside hosted/, vmm/, tools/ and src/compat:" \
    "$(grep -rnE '#include <(unistd|fcntl|pthread|sys/[a-z]+)\.h>' src |
        grep -v '^src/compat/' || true)"
exit $status
