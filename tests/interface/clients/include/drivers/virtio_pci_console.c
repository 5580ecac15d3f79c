/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/drivers/virtio_pci_emul.h>
#include <sel4vmmplatsupport/drivers/virtio_pci_console.h>

static void interrupt(void *cookie)
{
    (void)cookie;
}

static void put(int port, char c)
{
    (void)port, (void)c;
}

struct virtio_console_passthrough client_console_backend = { interrupt, put, NULL };
console_putchar_fn_t client_console_put = put;

void client_virtio_pci_console(struct virtio_console_driver *driver, virtio_emul_t *con)
{
    char ring[4088];

    driver->backend_fn = client_console_backend;
    driver->emul_cb.emul_putchar(1, con, ring, 0, 12);
}
