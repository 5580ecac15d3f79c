/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts. The device signals eventfds, of which KVM makes the guest's: no thread of this
 * process is on the way. What is masked is an eventfd that nobody takes from: what it has counts as
 * soon as it is unmasked, and is its pending bit until then.
 *
 * The kernel has one kind switched on at a time, as hardware. INTx masks itself when it is
 * signalled; the guest's EOI unmasks it by a second eventfd.
 */
#include "vfio/vfio_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bus/pci_regs.h"

/* PCI Local Bus 3.0, 6.8.1; offsets from the capability's start */
#define MSI_CONTROL      2u
#define MSI_ENABLE       0x0001u
#define MSI_WIDE         0x0080u
#define MSI_ADDRESS      4u
#define MSI_DATA_SHORT   8u
#define MSI_DATA_WIDE    12u
#define MSI_BODY_SHORT   8u
#define MSI_BODY_WIDE    12u
#define MSI_ADDRESS_BITS 0xfcu /* Of the lowest byte. */

static const struct vfio_physical_ops *physical(const struct vfio_function *function)
{
    return function->config.physical;
}

static void complain(struct vfio_function *function, const char *what, int error)
{
    vmmp_log_guest(function->config.log, &function->limit, "%s: %s: %s", function->config.name,
                   what, strerror(-error));
}

/* ---- eventfds ---- */

static int make_event(int *fd)
{
    if (*fd < 0) {
        *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    return *fd < 0 ? -errno : 0;
}

static int make_events(struct vfio_function *function, unsigned count)
{
    int error = make_event(&function->resample);
    for (unsigned i = 0; i < count && !error; i++) {
        error = make_event(&function->events[i]);
    }
    return error;
}

static void drain(int fd)
{
    uint64_t count;
    if (fd >= 0) {
        (void)!read(fd, &count, sizeof(count));
    }
}

/* ---- messages ---- */

/* `live`: the VM makes this message of the event from now on. */
static void carry(struct vfio_function *function, unsigned vector, bool live, uint64_t address,
                  uint32_t data)
{
    const struct vfio_guest_ops *guest = function->config.guest;
    void *cookie = function->config.guest_cookie;
    if (live && function->events[vector] >= 0) {
        int error = guest->message(cookie, function->events[vector], address, data);
        function->carried[vector] = function->carried[vector] || !error;
        if (error) {
            complain(function, "an interrupt cannot reach the guest", error);
        }
    } else if (function->carried[vector]) {
        guest->message_off(cookie, function->events[vector]);
        function->carried[vector] = false;
    }
}

static unsigned events_of(const struct vfio_function *function, enum vfio_interrupts kind)
{
    return kind == VFIO_MSIX ? function->msix.count : 1;
}

/* ---- kinds ---- */

static bool msi_enabled(const struct vfio_function *function)
{
    return function->msi &&
           vmmp_pci_peek(&function->pci, function->msi + MSI_CONTROL, 2) & MSI_ENABLE;
}

static enum vfio_interrupts wanted(const struct vfio_function *function)
{
    if (function->msix.count && vmmp_pci_msix_enabled(&function->msix)) {
        return VFIO_MSIX;
    }
    if (msi_enabled(function)) {
        return VFIO_MSI;
    }
    bool disabled = vmmp_pci_command(&function->pci) & PCICFG_COMMAND_INTX_DISABLE;
    return function->irq >= 0 && !disabled ? VFIO_INTX : VFIO_NO_INTERRUPTS;
}

void vfio_interrupts_stop(struct vfio_function *function)
{
    const struct vfio_guest_ops *guest = function->config.guest;
    if (function->kind == VFIO_NO_INTERRUPTS) {
        return;
    }
    if (!function->gone) {
        (void)physical(function)->interrupts(function->config.physical_cookie, function->kind, NULL,
                                             0);
    }
    if (function->kind == VFIO_INTX) {
        guest->line_off(function->config.guest_cookie, function->irq, function->events[0],
                        function->resample);
    }
    for (unsigned i = 0; i < events_of(function, function->kind); i++) {
        carry(function, i, false, 0, 0);
        drain(function->events[i]);
    }
    drain(function->resample);
    function->kind = VFIO_NO_INTERRUPTS;
}

static int start_intx(struct vfio_function *function)
{
    const struct vfio_function_config *config = &function->config;
    int error = config->guest->line(config->guest_cookie, function->irq, function->events[0],
                                    function->resample);
    if (error) {
        return error;
    }
    error = config->physical->interrupts(config->physical_cookie, VFIO_INTX, function->events, 1);
    if (!error) {
        error = config->physical->unmask_by(config->physical_cookie, function->resample);
    }
    if (error) {
        (void)config->physical->interrupts(config->physical_cookie, VFIO_INTX, NULL, 0);
        config->guest->line_off(config->guest_cookie, function->irq, function->events[0],
                                function->resample);
    }
    return error;
}

/* Where the host has fewer than the device's, the first ones work. */
static int start_messages(struct vfio_function *function, enum vfio_interrupts kind)
{
    const struct vfio_function_config *config = &function->config;
    unsigned count = events_of(function, kind);
    int result =
        config->physical->interrupts(config->physical_cookie, kind, function->events, count);
    if (result > 0 && (unsigned)result < count) {
        vmmp_log_guest(config->log, &function->limit,
                       "%s: the host has only %d of the device's %u interrupts to give",
                       config->name, result, count);
        result = config->physical->interrupts(config->physical_cookie, kind, function->events,
                                              (unsigned)result);
    }
    return result > 0 ? -ENOSPC : result;
}

static int start(struct vfio_function *function, enum vfio_interrupts kind)
{
    int error = make_events(function, events_of(function, kind));
    if (error) {
        return error;
    }
    if (kind == VFIO_INTX) {
        return start_intx(function);
    }
    return start_messages(function, kind);
}

static void update_msi(struct vfio_function *function)
{
    bool wide = vmmp_pci_peek(&function->pci, function->msi + MSI_CONTROL, 2) & MSI_WIDE;
    bool master = vmmp_pci_command(&function->pci) & PCICFG_COMMAND_MASTER;
    uint64_t address = vmmp_pci_peek(&function->pci, function->msi + MSI_ADDRESS, wide ? 8 : 4);
    uint64_t data =
        vmmp_pci_peek(&function->pci, function->msi + (wide ? MSI_DATA_WIDE : MSI_DATA_SHORT), 2);
    carry(function, 0, master, address, (uint32_t)data);
}

void vfio_interrupts_update(struct vfio_function *function)
{
    enum vfio_interrupts kind = wanted(function);
    if (function->gone) {
        return;
    }
    if (kind != function->kind) {
        vfio_interrupts_stop(function);
        int error = kind == VFIO_NO_INTERRUPTS ? 0 : start(function, kind);
        if (error) {
            complain(function, "the host does not switch its interrupts on", error);
            return;
        }
        function->kind = kind;
    }
    if (kind == VFIO_MSI) {
        update_msi(function);
    }
}

void vfio_interrupts_close(struct vfio_function *function)
{
    for (unsigned i = 0; i < VFIO_VECTORS; i++) {
        if (function->events[i] >= 0) {
            close(function->events[i]);
            function->events[i] = -1;
        }
    }
    if (function->resample >= 0) {
        close(function->resample);
        function->resample = -1;
    }
}

/* ---- MSI-X ---- */

static void msix_carry(void *cookie, unsigned vector, bool live, uint64_t address, uint32_t data)
{
    struct vfio_function *function = cookie;
    carry(function, vector, live && function->kind == VFIO_MSIX, address, data);
}

static bool msix_pending(void *cookie, unsigned vector)
{
    const struct vfio_function *function = cookie;
    struct pollfd event = { .fd = function->events[vector], .events = POLLIN };
    return function->kind == VFIO_MSIX && event.fd >= 0 && poll(&event, 1, 0) == 1 &&
           event.revents & POLLIN;
}

static void msix_changed(void *cookie, bool enabled)
{
    (void)enabled;
    vfio_interrupts_update(cookie);
}

int vfio_interrupts_add_msix(struct vfio_function *function)
{
    static const struct vmmp_pci_msix_carrier carrier = { msix_carry, msix_pending };
    const struct vfio_msix_place *place = &function->msix_place;
    const struct vmmp_pci_msix_config config = {
        .carrier = &carrier,
        .vectors = function->vectors,
        .count = place->count,
        .bar = place->table_bar,
        .shared = true,
        .offset = place->table,
        .apart = true,
        .pending_bar = place->pending_bar,
        .pending_offset = place->pending,
        .context = &function->context,
        .changed = msix_changed,
        .cookie = function,
    };
    return vmmp_pci_msix_init(&function->msix, &function->pci, &config);
}

/* ---- MSI ---- */

/* In the host's context: some register of the capability has been written to. */
static void msi_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    struct vfio_function *function = cookie;
    (void)offset;
    (void)size;
    (void)value;
    vmmp_context_enter(&function->context);
    vfio_interrupts_update(function);
    vmmp_context_leave(&function->context);
}

int vfio_interrupts_add_msi(struct vfio_function *function, unsigned offset, bool wide)
{
    static const uint8_t writable_short[MSI_BODY_SHORT] = {
        MSI_ENABLE, 0, MSI_ADDRESS_BITS, 0xff, 0xff, 0xff, 0xff, 0xff,
    };
    static const uint8_t writable_wide[MSI_BODY_WIDE] = {
        MSI_ENABLE, 0, MSI_ADDRESS_BITS, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };
    static const uint8_t body_short[MSI_BODY_SHORT] = { 0 };
    static const uint8_t body_wide[MSI_BODY_WIDE] = { MSI_WIDE };
    unsigned size = wide ? MSI_BODY_WIDE : MSI_BODY_SHORT;
    int at =
        vmmp_pci_add_capability(&function->pci, PCICFG_CAP_ID_MSI, wide ? body_wide : body_short,
                                size, wide ? writable_wide : writable_short);
    if (at < 0) {
        return at;
    }
    function->msi = offset;
    function->msi_control = (struct vmmp_pci_register){
        .offset = (uint16_t)(offset + MSI_CONTROL),
        .size = (uint16_t)size,
        .write = msi_write,
        .cookie = function,
    };
    return vmmp_pci_add_register(&function->pci, &function->msi_control);
}
