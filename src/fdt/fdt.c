/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer itself: libfdt's sequential-write functions behind one sticking error. */
#include <sel4vmmplatsupport/vmmp/fdt.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libfdt.h>

#include "fdt/fdt_internal.h"

#define NAME_MAX_LENGTH 64
#define CELLS_MAX       64

static void note(struct vmmp_fdt *fdt, int result)
{
    if (!fdt->error && result < 0) {
        fdt->error = result;
    }
}

void vmmp_fdt_init(struct vmmp_fdt *fdt, void *buffer, size_t buffer_size)
{
    memset(fdt, 0, sizeof(*fdt));
    fdt->buffer = buffer;
    fdt->buffer_size = buffer_size;
    /* libfdt counts in int. */
    int size = buffer_size > INT32_MAX ? INT32_MAX : (int)buffer_size;
    note(fdt, fdt_create(buffer, size));
    if (!fdt->error) {
        note(fdt, fdt_finish_reservemap(buffer));
    }
}

int vmmp_fdt_finish(struct vmmp_fdt *fdt, size_t *size, const struct vmmp_log *log)
{
    if (!fdt->error && fdt->depth) {
        fdt->error = -FDT_ERR_BADSTATE;
    }
    if (!fdt->error) {
        note(fdt, fdt_finish(fdt->buffer));
    }
    if (fdt->error) {
        vmmp_log(log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "device tree: %s at node %s",
                 fdt_strerror(fdt->error), fdt->path[0] ? fdt->path : "/");
        return fdt->error == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
    }
    *size = fdt_totalsize(fdt->buffer);
    return 0;
}

static void begin(struct vmmp_fdt *fdt, const char *name)
{
    if (fdt->error) {
        return;
    }
    size_t end = strlen(fdt->path);
    size_t room = sizeof(fdt->path) - end;
    bool root = fdt->depth == 0;
    int length = root ? 0 : snprintf(fdt->path + end, room, "/%s", name);

    if (length < 0 || (size_t)length >= room || fdt->depth == VMMP_FDT_DEPTH) {
        fdt->error = -FDT_ERR_BADSTRUCTURE;
        return;
    }
    fdt->path_end[fdt->depth++] = (unsigned)end;
    note(fdt, fdt_begin_node(fdt->buffer, name));
}

void vmmp_fdt_begin(struct vmmp_fdt *fdt, const char *format, ...)
{
    char name[NAME_MAX_LENGTH];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(name)) {
        note(fdt, -FDT_ERR_BADVALUE);
    }
    begin(fdt, name);
}

void vmmp_fdt_begin_at(struct vmmp_fdt *fdt, const char *name, uint64_t address)
{
    vmmp_fdt_begin(fdt, "%s@%llx", name, (unsigned long long)address);
}

void vmmp_fdt_end(struct vmmp_fdt *fdt)
{
    if (!fdt->error && fdt->depth == 0) {
        fdt->error = -FDT_ERR_BADSTATE;
    }
    if (fdt->error) {
        return;
    }
    note(fdt, fdt_end_node(fdt->buffer));
    if (!fdt->error) {
        fdt->path[fdt->path_end[--fdt->depth]] = '\0';
    }
}

void vmmp_fdt_bytes(struct vmmp_fdt *fdt, const char *name, const void *bytes, size_t size)
{
    if (fdt->error) {
        return;
    }
    if (size > INT32_MAX / 2) {
        fdt->error = -FDT_ERR_NOSPACE;
        return;
    }
    note(fdt, fdt_property(fdt->buffer, name, bytes, (int)size));
}

uint8_t *vmmp_fdt_space(struct vmmp_fdt *fdt, const char *name, size_t size)
{
    void *space = NULL;

    if (fdt->error) {
        return NULL;
    }
    if (size > INT32_MAX / 2) {
        fdt->error = -FDT_ERR_NOSPACE;
        return NULL;
    }
    note(fdt, fdt_property_placeholder(fdt->buffer, name, (int)size, &space));
    return fdt->error ? NULL : space;
}

uint8_t *vmmp_fdt_put32(uint8_t *at, uint32_t value)
{
    vmmp_be32_t cell = vmmp_be32(value);
    memcpy(at, &cell, sizeof(cell));
    return at + sizeof(cell);
}

uint8_t *vmmp_fdt_put64(uint8_t *at, uint64_t value)
{
    return vmmp_fdt_put32(vmmp_fdt_put32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

void vmmp_fdt_empty(struct vmmp_fdt *fdt, const char *name)
{
    vmmp_fdt_bytes(fdt, name, NULL, 0);
}

void vmmp_fdt_u32(struct vmmp_fdt *fdt, const char *name, uint32_t value)
{
    vmmp_fdt_cells(fdt, name, &value, 1);
}

void vmmp_fdt_u64(struct vmmp_fdt *fdt, const char *name, uint64_t value)
{
    uint8_t bytes[8];
    vmmp_fdt_put64(bytes, value);
    vmmp_fdt_bytes(fdt, name, bytes, sizeof(bytes));
}

void vmmp_fdt_string(struct vmmp_fdt *fdt, const char *name, const char *value)
{
    vmmp_fdt_bytes(fdt, name, value, strlen(value) + 1);
}

void vmmp_fdt_strings(struct vmmp_fdt *fdt, const char *name, const char *list, size_t size)
{
    vmmp_fdt_bytes(fdt, name, list, size);
}

void vmmp_fdt_cells(struct vmmp_fdt *fdt, const char *name, const uint32_t *cells, size_t count)
{
    uint8_t bytes[CELLS_MAX * sizeof(uint32_t)];
    uint8_t *at = bytes;

    if (count > CELLS_MAX) {
        note(fdt, -FDT_ERR_BADVALUE);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        at = vmmp_fdt_put32(at, cells[i]);
    }
    vmmp_fdt_bytes(fdt, name, bytes, (size_t)(at - bytes));
}

void vmmp_fdt_reg(struct vmmp_fdt *fdt, uint64_t address, uint64_t size)
{
    uint8_t bytes[16];
    vmmp_fdt_put64(vmmp_fdt_put64(bytes, address), size);
    vmmp_fdt_bytes(fdt, "reg", bytes, sizeof(bytes));
}

void vmmp_fdt_spi(struct vmmp_fdt *fdt, uint32_t spi, bool edge)
{
    uint32_t cells[] = { GIC_SPI, spi, edge ? IRQ_EDGE_RISING : IRQ_LEVEL_HIGH };
    vmmp_fdt_cells(fdt, "interrupts", cells, 3);
}

void vmmp_fdt_fail(struct vmmp_fdt *fdt)
{
    note(fdt, -FDT_ERR_BADVALUE);
}
