/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/crossvm.h>

#include <errno.h>
#include <string.h>

#define CROSSVM_VENDOR   0x1af4u
#define CROSSVM_DEVICE   0xa111u
#define CROSSVM_REVISION 1u
#define CROSSVM_CLASS    0x000500u /* Bytes 00, 05, 00, which the driver does not look at. */
#define CROSSVM_PIN      1u

#define BAR_EVENT    VMMP_CROSSVM_BAR_EVENT
#define BAR_DATAPORT VMMP_CROSSVM_BAR_DATAPORT
#define BAR_MIN      UINT64_C(4096)
#define DATAPORT_MAX (UINT64_C(1) << 30)
#define BUS_END      (UINT64_C(1) << 32)

/* Event page. */
#define REG_EMIT    0x00u
#define REG_CONSUME 0x04u
#define REG_NAME    0x08u
#define WRITE_MASK  0xffu

static uint32_t add(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* Inside the context. */
static void absorb(struct vmmp_crossvm *connection)
{
    uint32_t arrived = __atomic_exchange_n(&connection->arrived, 0, __ATOMIC_ACQUIRE);
    if (arrived) {
        connection->count = add(connection->count, arrived);
        vmmp_pci_intx_set(&connection->pci, true);
    }
}

static void run(void *cookie)
{
    absorb(cookie);
}

void vmmp_crossvm_consume(struct vmmp_crossvm *connection, uint32_t events)
{
    uint32_t before = __atomic_load_n(&connection->arrived, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&connection->arrived, &before, add(before, events), true,
                                        __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    }
    if (!vmmp_host_defer(&connection->config.host, &connection->work)) {
        vmmp_context_enter(&connection->context);
        absorb(connection);
        vmmp_context_leave(&connection->context);
    }
}

static uint8_t byte_at(const struct vmmp_crossvm *connection, uint64_t offset)
{
    if (offset >= REG_CONSUME && offset < REG_NAME) {
        return (uint8_t)(connection->count >> (8 * (offset - REG_CONSUME)));
    }
    if (offset >= REG_NAME && offset < REG_NAME + VMMP_CROSSVM_NAME_SIZE) {
        return (uint8_t)connection->name[offset - REG_NAME];
    }
    return 0;
}

static uint64_t event_read(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_crossvm *connection = device;
    uint64_t value = 0;
    uint32_t seen = 0;

    absorb(connection);
    for (unsigned i = 0; i < size; i++) {
        uint64_t at = offset + i;
        uint8_t byte = byte_at(connection, at);
        value |= (uint64_t)byte << (8 * i);
        if (at >= REG_CONSUME && at < REG_NAME) {
            seen |= (uint32_t)byte << (8 * (at - REG_CONSUME));
        }
    }
    if (offset < REG_NAME && offset + size > REG_CONSUME) {
        connection->seen = seen;
    }
    return value;
}

static void consume(struct vmmp_crossvm *connection, uint32_t value)
{
    absorb(connection);
    connection->count = add(connection->count - connection->seen, value);
    connection->seen = 0;
    vmmp_pci_intx_set(&connection->pci, connection->count != 0);
}

static void event_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_crossvm *connection = device;

    (void)size;
    switch (offset & WRITE_MASK) {
    case REG_EMIT:
        if (connection->config.emit) {
            connection->config.emit(connection->config.cookie, 1);
            return;
        }
        vmmp_log_guest(connection->config.log, &connection->limit,
                       "crossvm %s: an event on a connection that emits none", connection->name);
        return;
    case REG_CONSUME:
        consume(connection, (uint32_t)value);
        return;
    default:
        vmmp_log_guest(connection->config.log, &connection->limit,
                       "crossvm %s: a write at 0x%llx, where nothing takes it; it is dropped",
                       connection->name, (unsigned long long)offset);
    }
}

static const struct vmmp_window_ops event_ops = { .read = event_read, .write = event_write };

static void ring(struct vmmp_doorbell *bell)
{
    struct vmmp_crossvm *connection = bell->cookie;
    connection->config.emit(connection->config.cookie, bell->times);
}

/* In the PCI host's context. */
static void place_bell(struct vmmp_crossvm *connection, uint64_t address, bool mapped)
{
    const struct vmmp_doorbells *host = &connection->doorbells;
    struct vmmp_doorbell *bell = &connection->bell;
    bool port = false;

    if (!host->ops || !connection->config.emit) {
        return;
    }
    if (mapped) {
        vmmp_pci_cpu_address(&connection->pci, BAR_EVENT, &address, &port);
    }
    vmmp_context_enter(&connection->context);
    if (bell->added) {
        bell->added = false;
        if (host->ops->remove(host->cookie, bell)) {
            ring(bell);
        }
    }
    if (mapped) {
        *bell = (struct vmmp_doorbell){
            .address = address + REG_EMIT,
            .port = port,
            .ring = ring,
            .cookie = connection,
            .context = &connection->context,
        };
        bell->added = host->ops->add(host->cookie, bell) == 0;
    }
    vmmp_context_leave(&connection->context);
}

static void bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped)
{
    struct vmmp_crossvm *connection = cookie;
    if (bar == BAR_EVENT) {
        place_bell(connection, address, mapped);
    }
    if (connection->config.bar_mapped) {
        connection->config.bar_mapped(connection->config.cookie, bar, address, mapped);
    }
}

static const struct vmmp_pci_function_ops pci_ops = { .bar_mapped = bar_mapped };

static uint64_t bar_size(uint64_t bytes)
{
    uint64_t size = BAR_MIN;
    while (size < bytes) {
        size *= 2;
    }
    return size;
}

static int make_function(struct vmmp_crossvm *connection)
{
    const struct vmmp_pci_identity identity = {
        .vendor = CROSSVM_VENDOR,
        .device = CROSSVM_DEVICE,
        .class_code = CROSSVM_CLASS,
        .revision = CROSSVM_REVISION,
        .interrupt_pin = CROSSVM_PIN,
    };
    uint64_t size = bar_size(connection->config.size);
    int err;

    vmmp_pci_function_init(&connection->pci, "crossvm", &identity, &pci_ops, connection);
    err = vmmp_pci_add_bar(&connection->pci, BAR_EVENT, VMMP_PCI_BAR_MEM32_PREFETCH, size,
                           &connection->window);
    if (err) {
        return err;
    }
    return vmmp_pci_add_bar(&connection->pci, BAR_DATAPORT, VMMP_PCI_BAR_MEM32_PREFETCH, size,
                            NULL);
}

int vmmp_crossvm_init(struct vmmp_crossvm *connection, const struct vmmp_crossvm_config *config)
{
    const char *name = config->name ? config->name : "connector";
    size_t length = strlen(name);
    int err;

    if (!config->size || config->size > DATAPORT_MAX) {
        vmmp_log(config->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "crossvm %s: a dataport of %llu bytes; give it 1 to %llu", name,
                 (unsigned long long)config->size, (unsigned long long)DATAPORT_MAX);
        return -EINVAL;
    }
    memset(connection, 0, sizeof(*connection));
    connection->config = *config;
    connection->config.name = connection->name;
    if (config->doorbells) {
        connection->doorbells = *config->doorbells;
    }
    memcpy(connection->name, name,
           length < VMMP_CROSSVM_NAME_SIZE ? length : VMMP_CROSSVM_NAME_SIZE - 1);
    err = vmmp_host_context_init(&connection->config.host, &connection->context);
    if (err) {
        return err;
    }
    connection->window.name = "crossvm";
    connection->window.ops = &event_ops;
    connection->window.device = connection;
    connection->window.size = VMMP_CROSSVM_EVENT_SIZE;
    connection->window.context = &connection->context;
    connection->work.run = run;
    connection->work.cookie = connection;
    connection->work.context = &connection->context;
    err = make_function(connection);
    if (err) {
        vmmp_host_context_fini(&connection->config.host, &connection->context);
    }
    return err;
}

void vmmp_crossvm_fini(struct vmmp_crossvm *connection)
{
    vmmp_pci_unplug(&connection->pci);
    vmmp_host_cancel(&connection->config.host, &connection->work);
    vmmp_host_context_fini(&connection->config.host, &connection->context);
}

int vmmp_crossvm_place(struct vmmp_crossvm *connection, struct vmmp_crossvm_area *area)
{
    uint64_t size = connection->pci.bars[BAR_EVENT].size;
    uint64_t end = area->end < BUS_END ? area->end : BUS_END;
    uint64_t at = (area->next + size - 1) & ~(size - 1);
    int err;

    if (at < area->next || at > end || end - at < 2 * size) {
        vmmp_log(connection->config.log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "crossvm %s: two BARs of 0x%llx bytes do not fit from 0x%llx to 0x%llx; make the "
                 "dataports smaller or the area larger",
                 connection->name, (unsigned long long)size, (unsigned long long)area->next,
                 (unsigned long long)end);
        return -ENOSPC;
    }
    err = vmmp_pci_set_bar_address(&connection->pci, BAR_EVENT, at);
    if (!err) {
        err = vmmp_pci_set_bar_address(&connection->pci, BAR_DATAPORT, at + size);
    }
    if (!err) {
        area->next = at + 2 * size;
    }
    return err;
}
