/* SPDX-License-Identifier: BSD-2-Clause */
/* The compatible virtio constructors, type for type and in the order of their members. */
#include <sel4vmmplatsupport/drivers/virtio_blk.h>
#include <sel4vmmplatsupport/drivers/virtio_con.h>
#include <sel4vmmplatsupport/drivers/virtio_net.h>
#include <sel4vmmplatsupport/drivers/virtio_vsock.h>

#include "check.h"

/* What all four handles have in common, with the types of a device's own driver and functions. */
#define CHECK_HANDLE(handle, driver, functions)          \
    CHECK_MEMBER(handle, iobase, unsigned int);          \
    CHECK_MEMBER(handle, emul, virtio_emul_t *);         \
    CHECK_MEMBER(handle, emul_driver, driver *);         \
    CHECK_MEMBER(handle, emul_driver_funcs, functions);  \
    CHECK_MEMBER(handle, ioops, ps_io_ops_t);            \
    CHECK_VALUE(offsetof(handle, iobase), 0);            \
    CHECK_ORDER(handle, iobase, emul);                   \
    CHECK_ORDER(handle, emul, emul_driver);              \
    CHECK_ORDER(handle, emul_driver, emul_driver_funcs); \
    CHECK_ORDER(handle, emul_driver_funcs, ioops)

#define CHECK_CONSTRUCTOR(function, handle, functions)                                       \
    CHECK_FUNCTION(function,                                                                 \
                   handle *(vm_t *, vmm_pci_space_t *, vmm_io_port_list_t *, ioport_range_t, \
                            ioport_type_t, unsigned int, unsigned int, functions))

CHECK_HANDLE(virtio_net_t, struct eth_driver, struct raw_iface_funcs);
CHECK_HANDLE(virtio_con_t, struct virtio_console_driver, struct virtio_console_passthrough);
CHECK_HANDLE(virtio_blk_t, struct disk_driver, raw_diskiface_funcs_t);
CHECK_HANDLE(virtio_vsock_t, struct virtio_vsock_driver, struct virtio_vsock_passthrough);

CHECK_CONSTRUCTOR(common_make_virtio_net, virtio_net_t, struct raw_iface_funcs);
CHECK_CONSTRUCTOR(common_make_virtio_con, virtio_con_t, struct virtio_console_passthrough);
CHECK_CONSTRUCTOR(common_make_virtio_blk, virtio_blk_t, raw_diskiface_funcs_t);
CHECK_CONSTRUCTOR(common_make_virtio_vsock, virtio_vsock_t, struct virtio_vsock_passthrough);
CHECK_FUNCTION(virtio_net_default_backend, struct raw_iface_funcs(void));
CHECK_FUNCTION(virtio_blk_default_backend, raw_diskiface_funcs_t(void));

CHECK_TYPE(console_putchar_fn_t, void (*)(int, char));
CHECK_MEMBER(struct virtio_console_passthrough, handleIRQ, void (*)(void *));
CHECK_MEMBER(struct virtio_console_passthrough, backend_putchar, console_putchar_fn_t);
CHECK_MEMBER(struct virtio_console_passthrough, console_data, void *);
CHECK_ORDER(struct virtio_console_passthrough, handleIRQ, backend_putchar);
CHECK_ORDER(struct virtio_console_passthrough, backend_putchar, console_data);
CHECK_MEMBER(struct virtio_console_driver, backend_fn, virtio_console_passthrough_t);
CHECK_MEMBER(struct virtio_console_driver, emul_cb, virtio_console_callbacks_t);

CHECK_TYPE(vsock_tx_forward_fn_t, void (*)(int, void *, unsigned int));
CHECK_MEMBER(struct virtio_vsock_passthrough, guest_cid, int);
CHECK_MEMBER(struct virtio_vsock_passthrough, injectIRQ, void (*)(void *));
CHECK_MEMBER(struct virtio_vsock_passthrough, forward, vsock_tx_forward_fn_t);
CHECK_MEMBER(struct virtio_vsock_passthrough, vsock_data, void *);
CHECK_ORDER(struct virtio_vsock_passthrough, guest_cid, injectIRQ);
CHECK_ORDER(struct virtio_vsock_passthrough, injectIRQ, forward);
CHECK_ORDER(struct virtio_vsock_passthrough, forward, vsock_data);
CHECK_MEMBER(virtio_vsock_callbacks_t, rx_complete,
             void (*)(virtio_emul_t *, char *, unsigned int));
CHECK_MEMBER(struct virtio_vsock_driver, backend_fn, virtio_vsock_passthrough_t);
CHECK_MEMBER(struct virtio_vsock_driver, emul_cb, virtio_vsock_callbacks_t);

CHECK_VALUE(RX_QUEUE, 0);
CHECK_VALUE(TX_QUEUE, 1);
CHECK_VALUE(VQUEUE_NUM_VRINGS, 10);
CHECK_MEMBER(virtio_emul_t, internal, void *);
CHECK_MEMBER(virtio_emul_t, virtq, vqueue_t);
CHECK_MEMBER(virtio_emul_t, vm, vm_t *);
