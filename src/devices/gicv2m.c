/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/gicv2m.h>

#include <errno.h>
#include <string.h>

/* Registers of a frame. */
#define MSI_TYPER     0x008u /* First INTID in bits 25:16, how many in 9:0. */
#define MSI_SETSPI_NS 0x040u

#define TYPER_FIRST_SHIFT 16
#define SETSPI_INTID      0x3ffu

/* GIC architecture: shared peripheral interrupts. */
#define INTID_SPI_FIRST 32u
#define INTID_SPI_LAST  1019u

static void complain(struct vmmp_gicv2m *frame, const char *what, uint64_t value)
{
    vmmp_context_enter(&frame->context);
    vmmp_log_guest(frame->config.log, &frame->limit, "gicv2m: %s (0x%llx); it is dropped", what,
                   (unsigned long long)value);
    vmmp_context_leave(&frame->context);
}

static void set_spi(struct vmmp_gicv2m *frame, uint32_t data)
{
    uint32_t index = (data & SETSPI_INTID) - frame->config.first;
    if (index >= frame->config.count) {
        complain(frame, "a message for an interrupt that is not of this frame", data);
        return;
    }
    __atomic_fetch_add(&frame->messages, 1, __ATOMIC_RELAXED);
    vmmp_irq_line_pulse(&frame->config.lines[index]);
}

static void send(void *cookie, uint64_t address, uint32_t data)
{
    struct vmmp_gicv2m *frame = cookie;
    if (address != frame->config.address + MSI_SETSPI_NS) {
        complain(frame, "a message to an address that is not this frame's", address);
        return;
    }
    set_spi(frame, data);
}

static uint32_t register_at(const struct vmmp_gicv2m *frame, uint64_t offset)
{
    return offset == MSI_TYPER ? frame->config.first << TYPER_FIRST_SHIFT | frame->config.count : 0;
}

static uint64_t frame_read(void *device, uint64_t offset, unsigned size)
{
    const struct vmmp_gicv2m *frame = device;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint64_t at = offset + i;
        uint64_t byte = register_at(frame, at & ~UINT64_C(3)) >> (8 * (at & 3)) & 0xff;
        value |= byte << (8 * i);
    }
    return value;
}

static void frame_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    if (offset == MSI_SETSPI_NS && (size == 2 || size == 4)) {
        set_spi(device, (uint32_t)value);
    }
}

static const struct vmmp_window_ops window_ops = { frame_read, frame_write };
static const struct vmmp_msi_ops msi_ops = { send };

int vmmp_gicv2m_init(struct vmmp_gicv2m *frame, const struct vmmp_gicv2m_config *config)
{
    memset(frame, 0, sizeof(*frame));
    if (!config->lines || config->first < INTID_SPI_FIRST || config->first > INTID_SPI_LAST ||
        config->count < 1 || config->count > INTID_SPI_LAST + 1 - config->first ||
        config->address % VMMP_GICV2M_SIZE != 0) {
        return -EINVAL;
    }
    frame->config = *config;
    frame->window = (struct vmmp_window){
        .name = "gicv2m",
        .ops = &window_ops,
        .device = frame,
        .size = VMMP_GICV2M_SIZE,
    };
    return vmmp_host_context_init(&config->host, &frame->context);
}

void vmmp_gicv2m_fini(struct vmmp_gicv2m *frame)
{
    vmmp_host_context_fini(&frame->config.host, &frame->context);
}

struct vmmp_msi vmmp_gicv2m_msi(struct vmmp_gicv2m *frame)
{
    struct vmmp_msi msi = { &msi_ops, frame };
    return msi;
}
