/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine under test: one virtio device behind one transport, guest memory, and what is at the
 * device's back. There are two implementations, this library's device in process (ours.c) and the
 * one of QEMU (qemu.c); a script sees no difference but in what it is answered.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/testing/virtio_driver.h>

enum machine_device { DEVICE_RNG, DEVICE_BLK, DEVICE_NET, DEVICE_CONSOLE, DEVICE_BALLOON, DEVICES };
enum machine_face {
    FACE_MODERN,
    FACE_LEGACY,
    FACE_MMIO,
    FACES
}; /* Legacy: of a transitional one. */

extern const char *const machine_devices[DEVICES];
extern const char *const machine_faces[FACES];

#define MACHINE_RAM_SIZE   UINT64_C(0x400000)
#define MACHINE_DISK_SIZE  (UINT64_C(1) << 20)
#define MACHINE_DISK_BYTE  0x5a /* What the disk is full of. */
#define MACHINE_DISK_ID    "disk of both"
#define MACHINE_QUEUE_SIZE 64u

struct machine {
    enum machine_device device;
    enum machine_face face;
    struct vmmp_window *config;    /* PCI configuration space; NULL: it is not on PCI. */
    struct vmmp_window *registers; /* For `transport`. */
    const struct vmmp_virtio_driver_transport *transport;
    struct vmmp_guest_memory *memory;
    uint64_t ram;         /* MACHINE_RAM_SIZE bytes from here are the script's. */
    uint64_t ram_end;     /* The first address behind RAM. */
    uint64_t nowhere;     /* Nothing answers there. */
    unsigned patience_ms; /* How long what has to come may take. */
    void *cookie;         /* The implementation's. */
    /* Not NULL: why there was no answer. There is another machine meanwhile, as new. */
    const char *lost;

    /* What the device has been told to do is done, unless it waits for something outside. */
    void (*settle)(struct machine *machine);
    /* From outside: a frame, or bytes for the console's port 0. */
    void (*input)(struct machine *machine, const void *bytes, size_t len);
    /* What came out at the device's back meanwhile (frames one at a time); the number of bytes. */
    size_t (*output)(struct machine *machine, void *bytes, size_t room);
};

/* MACHINE_MAC of network devices. */
extern const uint8_t machine_mac[6];

void machine_ours_make(struct machine *machine, enum machine_device device, enum machine_face face);
void machine_ours_unmake(struct machine *machine);

/* One process with every device behind that transport. */
struct qemu;
struct qemu *qemu_start(enum machine_face face);
void qemu_machine(struct qemu *qemu, struct machine *machine, enum machine_device device);
/* The line that it says of itself with -version. False: it is not installed. */
bool qemu_version(char *line, size_t size);
void qemu_stop(struct qemu *qemu);
