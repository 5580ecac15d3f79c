/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of state that each virtio device and transport is, one a line, for bench/size.sh. */
#include <stdio.h>

#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>
#include <sel4vmmplatsupport/vmmp/virtio_console.h>
#include <sel4vmmplatsupport/vmmp/virtio_mmio.h>
#include <sel4vmmplatsupport/vmmp/virtio_net.h>
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>
#include <sel4vmmplatsupport/vmmp/virtio_rng.h>
#include <sel4vmmplatsupport/vmmp/virtio_vsock.h>

int main(void)
{
    printf("balloon %zu\n", sizeof(struct vmmp_virtio_balloon));
    printf("blk %zu\n", sizeof(struct vmmp_virtio_blk));
    printf("console %zu\n", sizeof(struct vmmp_virtio_console));
    printf("mmio %zu\n", sizeof(struct vmmp_virtio_mmio));
    printf("net %zu\n", sizeof(struct vmmp_virtio_net));
    printf("pci %zu\n", sizeof(struct vmmp_virtio_pci));
    printf("rng %zu\n", sizeof(struct vmmp_virtio_rng));
    printf("vsock %zu\n", sizeof(struct vmmp_virtio_vsock));
    return 0;
}
