/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's devices as machines under test. Debian's packages come without QEMU's accelerator "qtest",
 * but its protocol works with any: the CPU's firmware halts for good.
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qtest.h"
#include "virtio/virtio_mmio_spec.h"
#include "virtio/virtio_pci_spec.h"

#define PROGRAM       "qemu-system-x86_64"
#define RAM           (UINT64_C(64) << 20)
#define FIRST_RAM     (UINT64_C(16) << 20) /* Below lies what firmware would use. */
#define NOWHERE       UINT64_C(0xd0000000)
#define MEM_BARS      UINT64_C(0xe0000000) /* 64 KiB for each BAR. */
#define IO_BARS       0xc000u              /* 256 ports. */
#define MMIO_BASE     UINT64_C(0xfeb00000) /* hw/i386/microvm.c's, 512 bytes each. */
#define MMIO_SIZE     512u
#define MMIO_SLOTS    24u
#define FIRST_SLOT    2u
#define FIRMWARE_SIZE 65536u
#define ARGUMENTS     128

/* A device of QEMU's. */
struct device {
    struct qemu *qemu;
    unsigned slot;     /* PCI */
    uint64_t at;       /* MMIO; PCI: the BAR with the modern structures, */
    uint64_t pages[4]; /* each of which is there. */
    uint16_t ports;    /* Legacy */
    int back;          /* The other end of its backend, or -1. */
    struct vmmp_window config;
    struct vmmp_window registers;
};

struct qemu {
    struct qtest qtest;
    enum machine_face face;
    uint8_t *ram;
    struct vmmp_guest_memory memory;
    struct device devices[DEVICES];
    char text[ARGUMENTS][256];
    char *arguments[ARGUMENTS + 1];
    unsigned argument_count;
    struct machine *current;
    int inherited[DEVICES + 3]; /* By QEMU. */
    unsigned inherited_count;
};

_Noreturn static void give_up(const char *what)
{
    fprintf(stderr, "differential: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- Its command line ---- */

__attribute__((format(printf, 2, 3))) static void add(struct qemu *qemu, const char *format, ...)
{
    if (qemu->argument_count == ARGUMENTS) {
        errno = E2BIG;
        give_up("command line");
    }
    char *text = qemu->text[qemu->argument_count];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(qemu->text[0]), format, arguments);
    va_end(arguments);
    qemu->arguments[qemu->argument_count++] = text;
}

static void inherit(struct qemu *qemu, int fd)
{
    qemu->inherited[qemu->inherited_count++] = fd;
}

/* One end for QEMU, whose number is the result. */
static int pair(struct qemu *qemu, int type, int *ours)
{
    int ends[2];
    if (socketpair(AF_UNIX, type, 0, ends) != 0) {
        give_up("socket");
    }
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    inherit(qemu, ends[0]);
    *ours = ends[1];
    return ends[0];
}

/* A nameless file of that size, full of `byte`. */
static int memory_file(struct qemu *qemu, uint64_t size, int byte, uint8_t **mapped)
{
    int fd = memfd_create("differential", 0);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        give_up("memory");
    }
    *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (*mapped == MAP_FAILED) {
        give_up("memory");
    }
    if (byte) {
        memset(*mapped, byte, size);
    }
    inherit(qemu, fd);
    return fd;
}

static void add_device(struct qemu *qemu, enum machine_device kind)
{
    static const char *const types[DEVICES] = { "virtio-rng", "virtio-blk", "virtio-net",
                                                "virtio-serial", "virtio-balloon" };
    struct device *device = &qemu->devices[kind];
    char where[128] = "";
    char bus[32] = "";
    char id[16];
    const char *end = qemu->face == FACE_MMIO ? "device" : "pci";
    uint8_t *disk;

    device->qemu = qemu;
    device->slot = FIRST_SLOT + (unsigned)kind;
    device->back = -1;
    snprintf(id, sizeof(id), "%s", machine_devices[kind]);
    snprintf(bus, sizeof(bus), ",bus=%s.0", id);
    if (qemu->face != FACE_MMIO) {
        /* Kicks are accesses: in step with the script, not with an event loop. */
        snprintf(where, sizeof(where), ",addr=0x%x,disable-modern=off,disable-legacy=%s%s",
                 device->slot, qemu->face == FACE_MODERN ? "on" : "off",
                 kind == DEVICE_BALLOON ? "" : ",ioeventfd=off");
    }
    switch (kind) {
    case DEVICE_RNG:
        add(qemu, "-object");
        add(qemu, "rng-builtin,id=%s-back", id);
        add(qemu, "-device");
        add(qemu, "%s-%s,packed=on,rng=%s-back%s", types[kind], end, id, where);
        break;
    case DEVICE_BLK:
        add(qemu, "-blockdev");
        add(qemu,
            "driver=raw,node-name=%s-back,discard=unmap,file.driver=file,file.locking=off,"
            "file.filename=/proc/self/fd/%d",
            id, memory_file(qemu, MACHINE_DISK_SIZE, MACHINE_DISK_BYTE, &disk));
        munmap(disk, MACHINE_DISK_SIZE);
        add(qemu, "-device");
        add(qemu, "%s-%s,packed=on,drive=%s-back,serial=%s,num-queues=1,queue-size=%u%s",
            types[kind], end, id, MACHINE_DISK_ID, MACHINE_QUEUE_SIZE, where);
        break;
    case DEVICE_NET:
        add(qemu, "-netdev");
        add(qemu, "dgram,id=%s-back,local.type=fd,local.str=%d", id,
            pair(qemu, SOCK_DGRAM, &device->back));
        add(qemu, "-device");
        add(qemu, "%s-%s,packed=on,netdev=%s-back,mac=%02x:%02x:%02x:%02x:%02x:%02x%s", types[kind],
            end, id, machine_mac[0], machine_mac[1], machine_mac[2], machine_mac[3], machine_mac[4],
            machine_mac[5], where);
        break;
    case DEVICE_CONSOLE:
        add(qemu, "-chardev");
        add(qemu, "socket,id=%s-back,fd=%d", id, pair(qemu, SOCK_STREAM, &device->back));
        add(qemu, "-chardev");
        add(qemu, "null,id=%s-other", id);
        add(qemu, "-device");
        add(qemu, "%s-%s,id=%s,packed=on,max_ports=2%s", types[kind], end, id, where);
        add(qemu, "-device");
        add(qemu, "virtconsole,nr=0,chardev=%s-back%s", id, bus);
        add(qemu, "-device");
        add(qemu, "virtserialport,nr=1,name=port,chardev=%s-other%s", id, bus);
        break;
    default:
        add(qemu, "-device");
        add(qemu, "%s-%s,packed=on,free-page-reporting=on,deflate-on-oom=on%s", types[kind], end,
            where);
        break;
    }
}

/* Ends with the reset vector, 16 bytes below 4 GiB: cli; hlt; jmp back. */
static int firmware(struct qemu *qemu)
{
    static const uint8_t halt[] = { 0xfa, 0xf4, 0xeb, 0xfd };
    uint8_t *image;
    int fd = memory_file(qemu, FIRMWARE_SIZE, 0, &image);
    memcpy(image + FIRMWARE_SIZE - 16, halt, sizeof(halt));
    munmap(image, FIRMWARE_SIZE);
    return fd;
}

static void add_machine(struct qemu *qemu)
{
    /* A machine of a version stays what it is in later releases. */
    add(qemu, PROGRAM);
    add(qemu, "-machine");
    add(qemu, "%s,accel=tcg,memory-backend=mem",
        qemu->face == FACE_MMIO ? "microvm" : "pc-q35-7.2");
    add(qemu, "-m");
    add(qemu, "%uM", (unsigned)(RAM >> 20));
    add(qemu, "-object");
    add(qemu, "memory-backend-file,id=mem,size=%uM,share=on,mem-path=/proc/self/fd/%d",
        (unsigned)(RAM >> 20), memory_file(qemu, RAM, 0, &qemu->ram));
    for (const char *const *word =
             (const char *const[]){ "-nodefaults", "-no-user-config", "-display", "none", "-qtest",
                                    "stdio", "-qtest-log", "/dev/null", NULL };
         *word; word++) {
        add(qemu, "%s", *word);
    }
    add(qemu, "-bios");
    add(qemu, "/proc/self/fd/%d", firmware(qemu));
    if (qemu->face == FACE_MMIO) {
        add(qemu, "-global");
        add(qemu, "virtio-mmio.force-legacy=false");
    }
}

/* ---- PCI ---- */

static uint32_t config_address(const struct device *device, uint64_t offset)
{
    return 0x80000000u | device->slot << 11 | ((uint32_t)offset & 0xfcu);
}

static uint64_t config_read(void *cookie, uint64_t offset, unsigned size)
{
    struct device *device = cookie;
    struct qtest *qtest = &device->qemu->qtest;
    qtest_out(qtest, 0xcf8, 4, config_address(device, offset));
    return qtest_in(qtest, (uint16_t)(0xcfc + (offset & 3)), size);
}

static void config_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct device *device = cookie;
    struct qtest *qtest = &device->qemu->qtest;
    qtest_out(qtest, 0xcf8, 4, config_address(device, offset));
    qtest_out(qtest, (uint16_t)(0xcfc + (offset & 3)), size, (uint32_t)value);
}

static const struct vmmp_window_ops config_ops = { config_read, config_write };

static uint32_t get(struct device *device, unsigned offset, unsigned size)
{
    return (uint32_t)vmmp_window_read(&device->config, offset, size);
}

static void put(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
    vmmp_window_write(&device->config, offset, size, value);
}

/* Puts BARs where nothing else is, as firmware would. */
static void place_bars(struct device *device, uint64_t *bars)
{
    for (unsigned i = 0; i < 6; i++) {
        unsigned offset = 0x10 + 4 * i;
        put(device, offset, 4, UINT32_MAX);
        uint32_t mask = get(device, offset, 4);
        if (!mask) {
            continue;
        }
        bars[i] = mask & 1 ? IO_BARS + device->slot * 0x100u
                           : MEM_BARS + (device->slot * 8 + i) * UINT64_C(0x10000);
        put(device, offset, 4, (uint32_t)bars[i]);
        if (!(mask & 1) && (mask & 4)) {
            put(device, offset + 4, 4, 0);
            i++;
        }
    }
    put(device, 4, 2, 0x7);
}

static void find_structures(struct device *device, const uint64_t *bars)
{
    static const unsigned page_of[] = { [VIRTIO_PCI_CAP_COMMON_CFG] = MODERN_COMMON,
                                        [VIRTIO_PCI_CAP_NOTIFY_CFG] = MODERN_NOTIFY,
                                        [VIRTIO_PCI_CAP_ISR_CFG] = MODERN_ISR,
                                        [VIRTIO_PCI_CAP_DEVICE_CFG] = MODERN_DEVICE };
    for (unsigned at = get(device, 0x34, 1), i = 0; at && i < 48;
         at = get(device, at + 1, 1), i++) {
        unsigned type = get(device, at + 3, 1);
        unsigned bar = get(device, at + VIRTIO_PCI_CAP_BAR, 1);
        if (get(device, at, 1) == VIRTIO_PCI_CAP_VENDOR_ID && type >= VIRTIO_PCI_CAP_COMMON_CFG &&
            type <= VIRTIO_PCI_CAP_DEVICE_CFG && bar < 6) {
            device->pages[page_of[type]] = bars[bar] + get(device, at + VIRTIO_PCI_CAP_OFFSET, 4);
        }
    }
}

/* The layout that the driver knows, page by page to where QEMU says that each is. */
static uint64_t modern_address(const struct device *device, uint64_t offset)
{
    return device->pages[offset / MODERN_PAGE] + offset % MODERN_PAGE;
}

static uint64_t modern_read(void *cookie, uint64_t offset, unsigned size)
{
    struct device *device = cookie;
    return qtest_read(&device->qemu->qtest, modern_address(device, offset), size);
}

static void modern_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct device *device = cookie;
    qtest_write(&device->qemu->qtest, modern_address(device, offset), size, value);
}

static uint64_t legacy_read(void *cookie, uint64_t offset, unsigned size)
{
    struct device *device = cookie;
    if (size == 8) { /* No instruction reads as much. */
        return legacy_read(cookie, offset, 4) | legacy_read(cookie, offset + 4, 4) << 32;
    }
    return qtest_in(&device->qemu->qtest, (uint16_t)(device->ports + offset), size);
}

static void legacy_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct device *device = cookie;
    if (size == 8) {
        legacy_write(cookie, offset, 4, value & UINT32_MAX);
        legacy_write(cookie, offset + 4, 4, value >> 32);
        return;
    }
    qtest_out(&device->qemu->qtest, (uint16_t)(device->ports + offset), size, (uint32_t)value);
}

static uint64_t mmio_read(void *cookie, uint64_t offset, unsigned size)
{
    struct device *device = cookie;
    return qtest_read(&device->qemu->qtest, device->at + offset, size);
}

static void mmio_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct device *device = cookie;
    qtest_write(&device->qemu->qtest, device->at + offset, size, value);
}

static void connect_pci(struct device *device, bool legacy)
{
    static const struct vmmp_window_ops modern = { modern_read, modern_write };
    static const struct vmmp_window_ops ports = { legacy_read, legacy_write };
    uint64_t bars[6] = { 0 };

    device->config = (struct vmmp_window){ .ops = &config_ops, .device = device, .size = 256 };
    place_bars(device, bars);
    find_structures(device, bars);
    device->ports = (uint16_t)bars[0];
    device->registers = (struct vmmp_window){ .ops = legacy ? &ports : &modern,
                                              .device = device,
                                              .size = legacy ? 64 : MODERN_BAR_SIZE };
}

static void connect_mmio(struct device *device, unsigned type)
{
    static const struct vmmp_window_ops ops = { mmio_read, mmio_write };
    for (unsigned i = 0; i < MMIO_SLOTS; i++) {
        device->at = MMIO_BASE + i * (uint64_t)MMIO_SIZE;
        if (qtest_read(&device->qemu->qtest, device->at + VIRTIO_MMIO_DEVICE_ID, 4) == type) {
            break;
        }
    }
    device->registers = (struct vmmp_window){ .ops = &ops, .device = device, .size = MMIO_SIZE };
}

/* ---- The outside ---- */

/* Each command takes QEMU's loop a turn at least, in which bottom halves run. */
static void settle(struct machine *machine)
{
    struct device *device = machine->cookie;
    for (unsigned i = 0; i < 4; i++) {
        qtest_read(&device->qemu->qtest, 0, 1);
    }
}

static void input(struct machine *machine, const void *bytes, size_t len)
{
    struct device *device = machine->cookie;
    if (send(device->back, bytes, len, MSG_NOSIGNAL) != (ssize_t)len) {
        give_up("input");
    }
    /* Nothing says when it has been read from the socket. */
    poll(NULL, 0, 2);
    settle(machine);
}

static size_t output(struct machine *machine, void *bytes, size_t room)
{
    const struct device *device = machine->cookie;
    ssize_t got = recv(device->back, bytes, room, MSG_DONTWAIT);
    return got < 0 ? 0 : (size_t)got;
}

/* ---- From start to stop ---- */

static void connect_device(struct device *device, enum machine_device kind)
{
    static const unsigned types[DEVICES] = { 4, 2, 1, 3, 5 }; /* Section 5. */
    if (device->qemu->face == FACE_MMIO) {
        connect_mmio(device, types[kind]);
    } else {
        connect_pci(device, device->qemu->face == FACE_LEGACY);
    }
}

/* Another process in the place of one that has gone or hangs. */
static void start_anew(void *cookie, bool ended)
{
    struct qemu *qemu = cookie;
    struct machine *machine = qemu->current;
    qtest_stop(&qemu->qtest);
    if (!machine || machine->lost) {
        fprintf(stderr, "differential: QEMU %s\n", ended ? "has ended" : "does not answer");
        exit(1);
    }
    machine->lost = ended ? "QEMU ends" : "QEMU does not answer";
    qtest_start(&qemu->qtest, qemu->arguments);
    connect_device(machine->cookie, machine->device);
}

bool qemu_version(char *line, size_t size)
{
    int ends[2];
    line[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) != 0) {
        give_up("pipe");
    }
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        execlp(PROGRAM, PROGRAM, "-version", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], line, size - 1);
    close(ends[0]);
    waitpid(pid, NULL, 0);
    line[got > 0 ? got : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return line[0] != '\0';
}

struct qemu *qemu_start(enum machine_face face)
{
    struct qemu *qemu = calloc(1, sizeof(*qemu));
    if (!qemu) {
        give_up("memory");
    }
    qemu->face = face;
    add_machine(qemu);
    for (unsigned kind = 0; kind < DEVICES; kind++) {
        add_device(qemu, kind);
    }
    qemu->qtest.lost = start_anew;
    qemu->qtest.cookie = qemu;
    qtest_start(&qemu->qtest, qemu->arguments);
    vmmp_guest_memory_init(&qemu->memory, NULL, NULL);
    if (vmmp_guest_memory_add(&qemu->memory, vmmp_gpa(0), RAM, qemu->ram) != 0) {
        give_up("memory");
    }
    return qemu;
}

void qemu_machine(struct qemu *qemu, struct machine *machine, enum machine_device kind)
{
    struct device *device = &qemu->devices[kind];
    enum machine_face face = qemu->face;
    qemu->current = machine;
    connect_device(device, kind);
    *machine = (struct machine){
        .device = kind,
        .face = face,
        .config = face == FACE_MMIO ? NULL : &device->config,
        .registers = &device->registers,
        .transport = face == FACE_MMIO     ? &vmmp_virtio_driver_mmio
                     : face == FACE_LEGACY ? &vmmp_virtio_driver_pci_legacy
                                           : &vmmp_virtio_driver_pci_modern,
        .memory = &qemu->memory,
        .ram = FIRST_RAM + kind * MACHINE_RAM_SIZE,
        .ram_end = RAM,
        .nowhere = NOWHERE,
        .patience_ms = kind == DEVICE_BLK ? 1000 : 50, /* A file, and no file. */
        .cookie = device,
        .settle = settle,
        .input = input,
        .output = output,
    };
}

void qemu_stop(struct qemu *qemu)
{
    qtest_stop(&qemu->qtest);
    for (unsigned i = 0; i < qemu->inherited_count; i++) {
        close(qemu->inherited[i]);
    }
    for (unsigned kind = 0; kind < DEVICES; kind++) {
        if (qemu->devices[kind].back >= 0) {
            close(qemu->devices[kind].back);
        }
    }
    munmap(qemu->ram, RAM);
    free(qemu);
}
