/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two ends of a cross-VM connection and their hostile guests: configuration space, BARs that move,
 * accesses of every width to the windows, with events that are taken in at once or later. What a
 * guest is told adds up to what its peer has sent, whatever either does.
 */
#include <sel4vmmplatsupport/vmmp/crossvm.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>

#include "fuzz_input.h"

#define BASE    UINT64_C(0x3f000000)
#define SIZE    0x100000u
#define CONSUME 4u
#define COMMAND 4u

struct end {
    struct vmmp_pci_host host;
    struct vmmp_irq_line irq;
    struct vmmp_pci_line pci_line;
    struct vmmp_crossvm connection;
    struct end *peer;
    struct vmmp_work *deferred;
    bool defers;
    bool high;
    uint64_t mapped; /* The dataport's address + 1; 0: it is not. */
    uint64_t sent;   /* Events from the peer, or the guest's own by writing to CONSUME, */
    uint64_t told;   /* and those it cleared after it had read them. */
    uint32_t seen;   /* What it has read since it cleared. */
    bool lost;       /* The count was full: nothing can be said of it any more. */
};

static struct end ends[2];

static void line_level(void *cookie, bool high)
{
    ((struct end *)cookie)->high = high;
}

static const struct vmmp_irq_line_ops line_ops = { .level = line_level };

static void defer(void *cookie, struct vmmp_work *work)
{
    struct end *end = cookie;
    FUZZ_CHECK(!end->deferred || end->deferred == work);
    end->deferred = work;
}

static const struct vmmp_host_ops deferring = { .defer = defer };

static void run_deferred(struct end *end)
{
    struct vmmp_work *work = end->deferred;
    end->deferred = NULL;
    if (work) {
        work->run(work->cookie);
    }
}

static void consume(struct end *end, uint32_t events)
{
    end->sent += events;
    end->lost = end->lost || end->sent - end->told > UINT32_MAX;
    vmmp_crossvm_consume(&end->connection, events);
}

static void emit(void *cookie, uint64_t count)
{
    FUZZ_CHECK(count == 1); /* There are no doorbells. */
    consume(((struct end *)cookie)->peer, 1);
}

static void bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped)
{
    struct end *end = cookie;
    uint64_t size = end->connection.pci.bars[bar].size;
    FUZZ_CHECK(bar < 2 && address % size == 0);
    FUZZ_CHECK(address >= BASE && address - BASE <= SIZE - size);
    if (bar == VMMP_CROSSVM_BAR_DATAPORT) {
        FUZZ_CHECK(mapped ? end->mapped == 0 : end->mapped == address + 1);
        end->mapped = mapped ? address + 1 : 0;
    }
}

static void make(struct end *end, struct end *peer, uint32_t size, bool defers)
{
    struct vmmp_crossvm_area area = { BASE, BASE + SIZE };
    memset(end, 0, sizeof(*end));
    end->peer = peer;
    end->defers = defers;
    FUZZ_CHECK(!vmmp_irq_line_init(&end->irq, &line_ops, end, NULL));
    end->pci_line = (struct vmmp_pci_line){ &end->irq, 40 };
    const struct vmmp_pci_host_config host = { .memory_base = BASE,
                                               .memory_size = SIZE,
                                               .port_size = 0x1000,
                                               .lines = &end->pci_line,
                                               .line_count = 1 };
    FUZZ_CHECK(!vmmp_pci_host_init(&end->host, &host, NULL, NULL));
    const struct vmmp_crossvm_config config = {
        .name = "fuzzed",
        .size = size,
        .emit = emit,
        .bar_mapped = bar_mapped,
        .cookie = end,
        .host = { defers ? &deferring : NULL, end },
    };
    FUZZ_CHECK(!vmmp_crossvm_init(&end->connection, &config));
    FUZZ_CHECK(!vmmp_crossvm_place(&end->connection, &area));
    FUZZ_CHECK(vmmp_pci_host_add(&end->host, &end->connection.pci, 1, 0) == 8);
    vmmp_pci_set_command(&end->connection.pci, 2);
}

static uint32_t read_count(struct end *end)
{
    return (uint32_t)vmmp_window_read(&end->connection.window, CONSUME, 4);
}

/* The event page, as far as what it does can be told from outside. */
static void event_access(struct fuzz_input *in, struct end *end, bool is_write)
{
    uint64_t offset = fuzz_u16(in) & 0x1fff;
    unsigned size = fuzz_width(in);
    uint64_t value = is_write ? fuzz_number(in, size) : 0;

    if (!is_write) {
        uint64_t got = vmmp_window_read(&end->connection.window, offset, size);
        FUZZ_CHECK((got & ~vmmp_all_ones(size)) == 0);
        if (offset + size > 4096) {
            FUZZ_CHECK(got == vmmp_all_ones(size));
        } else if (offset == CONSUME && size >= 4) {
            end->seen = (uint32_t)got;
        } else if (offset < 8 && offset + size > 4) {
            end->seen = read_count(end); /* Some bytes: read it whole, so that it is known. */
        }
        return;
    }
    if (offset + size <= 4096 && (offset & 0xff) == CONSUME) {
        end->told += end->seen;
        end->seen = 0;
        end->sent += (uint32_t)value;
        end->lost = end->lost || end->sent - end->told > UINT32_MAX;
    }
    vmmp_window_write(&end->connection.window, offset, size, value);
}

static void step(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    struct end *end = &ends[what >> 7];
    unsigned offset = fuzz_u8(in);
    unsigned size = fuzz_width(in);
    switch (what & 7) {
    case 0:
    case 1:
        event_access(in, end, what & 1);
        break;
    case 2:
        consume(end, offset & 0x80 ? fuzz_u32(in) : offset);
        break;
    case 3:
        run_deferred(end);
        break;
    case 4:
        vmmp_pci_config_write(&end->host, 8, offset, size, fuzz_number(in, size));
        break;
    case 5: /* A BAR, somewhere in the window or beyond. */
        vmmp_pci_config_write(&end->host, 8, 0x10 + (offset & 4), 4,
                              BASE + (uint32_t)fuzz_u16(in) * 0x100);
        break;
    case 6:
        vmmp_pci_config_write(&end->host, 8, COMMAND, 2, offset & 2);
        break;
    default: /* Where BARs are or are not; what it does there is not counted. */
        vmmp_window_read(&end->host.memory, (uint64_t)fuzz_u16(in) * 16 + 8, size);
        vmmp_pci_config_read(&end->host, 8, offset, size);
        end->seen = read_count(end);
        break;
    }
}

static void check(struct end *end)
{
    uint16_t command = vmmp_pci_command(&end->connection.pci);
    FUZZ_CHECK(vmmp_pci_peek(&end->connection.pci, 0, 4) == 0xa1111af4);
    if (end->mapped) {
        FUZZ_CHECK(command & 2);
    }
    if (!end->deferred && !end->lost) {
        bool pending = end->sent != end->told;
        FUZZ_CHECK(end->high == (pending && !(command & 0x400)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t how = fuzz_u8(&in);
    for (unsigned i = 0; i < 2; i++) {
        make(&ends[i], &ends[1 - i], 1 + (fuzz_u16(&in) & 0x7fff), how & (1u << i));
    }
    while (in.left > 0) {
        step(&in);
        check(&ends[0]);
        check(&ends[1]);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct end *end = &ends[i];
        uint32_t left = read_count(end);
        FUZZ_CHECK(end->lost || end->told + left == end->sent);
        vmmp_crossvm_fini(&end->connection);
        FUZZ_CHECK(end->mapped == 0);
        vmmp_pci_host_fini(&end->host);
        vmmp_irq_line_fini(&end->irq);
    }
    return 0;
}
