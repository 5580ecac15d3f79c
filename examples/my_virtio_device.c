/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device of one's own and its test: the library's driver for tests uses it through a vCPU
 * of the scripted engine, and then plays every hostile driver that the library knows.
 * docs/writing-a-device.md explains it.
 *
 * The mirror has one queue. What a chain gives it to read comes back in the rest of the chain, the
 * last byte first.
 */
#include <stdio.h>
#include <string.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_ram.h>
#include <sel4vmmplatsupport/vmmp/testing/virtio_hostile.h>
#include <sel4vmmplatsupport/vmmp/virtio_mmio.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#define RAM        0x40000000
#define RAM_SIZE   0x400000
#define MIRROR     0x0b000000
#define MIRROR_IRQ 40
#define QUEUE_SIZE 64
#define MOST       256 /* Bytes of a chain that are looked at. */

/* ---- the device ----------------------------------------------------------------------------- */

struct mirror {
    struct vmmp_virtio_device virtio;
    struct vmmp_virtio_queue queue;
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(QUEUE_SIZE)];
};

static enum vmmp_virtio_progress mirror_process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct mirror *mirror = (struct mirror *)dev;
    struct vmmp_virtqueue_chain chain = { .iov = mirror->iov,
                                          .capacity = VMMP_VIRTQUEUE_IOVECS(QUEUE_SIZE) };
    uint8_t text[MOST];

    while (vmmp_virtio_pop(dev, queue, &chain)) {
        size_t len = vmmp_iovec_read(chain.iov, chain.readable, 0, text, sizeof(text));
        for (size_t i = 0; i < len / 2; i++) {
            uint8_t kept = text[i];
            text[i] = text[len - 1 - i];
            text[len - 1 - i] = kept;
        }
        len = vmmp_iovec_write(&chain.iov[chain.readable], chain.writable, 0, text, len);
        vmmp_virtio_push(dev, queue, &chain.token, (uint32_t)len);
    }
    return VMMP_VIRTIO_DRAINED;
}

static int mirror_init(struct mirror *mirror, const struct vmmp_vm *vm,
                       const struct vmmp_host *host)
{
    static const struct vmmp_virtio_ops ops = {
        .name = "mirror", .type = 63, .in_order = true, .process = mirror_process
    };
    static const uint16_t size = QUEUE_SIZE;

    memset(mirror, 0, sizeof(*mirror));
    return vmmp_virtio_init(&mirror->virtio, &ops, &mirror->queue, &size, 1, &vm->memory, NULL,
                            host);
}

/* ---- its test ------------------------------------------------------------------------------- */

/* A driver that behaves. */
static int reflects(struct vmmp_virtio_driver *driver)
{
    uint64_t text = vmmp_virtio_driver_alloc(driver, 16, 1);
    uint64_t room = vmmp_virtio_driver_alloc(driver, 16, 1);
    const struct vmmp_virtio_driver_buffer buffers[] = { { text, 6, false }, { room, 16, true } };
    uint32_t id;
    uint32_t len;

    if (!vmmp_virtio_driver_start(driver, UINT64_MAX, 1)) {
        return 1;
    }
    memcpy(vmmp_virtio_driver_at(driver, text, 6), "mirror", 6);
    vmmp_virtio_driver_add(driver, 0, buffers, 2);
    vmmp_virtio_driver_kick(driver, 0);
    if (!vmmp_virtio_driver_used(driver, 0, &id, &len)) {
        return 1;
    }
    const char *answer = vmmp_virtio_driver_at(driver, room, len);
    printf("\"mirror\" comes back as \"%.*s\"\n", (int)len, answer);
    return len == 6 && memcmp(answer, "rorrim", 6) == 0 ? 0 : 1;
}

/* All that do not. */
static int withstands(struct vmmp_virtio_driver *driver)
{
    struct vmmp_virtio_hostile hostile = { .driver = driver,
                                           .wanted = UINT64_MAX,
                                           .queues = 1,
                                           .looks = true,
                                           .buffer = vmmp_virtio_driver_alloc(driver, 65536, 4096),
                                           .ram_end = RAM + RAM_SIZE,
                                           .nowhere = RAM - 0x10000 };
    unsigned played = 0;
    int failed = 0;

    for (unsigned i = 0; i < vmmp_virtio_hostile_count; i++) {
        const struct vmmp_virtio_hostile_case *row = &vmmp_virtio_hostile_cases[i];
        if (vmmp_virtio_hostile_applies(&hostile, row)) {
            const char *wrong = vmmp_virtio_hostile_run(&hostile, row);
            played++;
            if (wrong) {
                printf("%s: %s\n", row->name, wrong);
                failed = 1;
            }
        }
    }
    printf("%u hostile drivers, %s\n", played, failed ? "not all withstood" : "all withstood");
    return failed;
}

static int run(vm_t *vm)
{
    static struct mirror mirror;
    static struct vmmp_virtio_mmio mmio;
    static struct vmmp_virtio_driver driver;
    struct script_window view;
    struct vmmp_host host = script_host(vm);
    struct vmmp_vm vmmp;
    struct vmmp_irq_line line;
    vm_vcpu_t *vcpu = vm_create_vcpu(vm, 0);

    if (!vcpu || vm_create_default_irq_controller(vm) ||
        vm_ram_register_at(vm, RAM, RAM_SIZE, true) || vmmp_vm_init(&vmmp, vm, NULL, &host) ||
        vmmp_vm_irq_line_init(&vmmp, &line, MIRROR_IRQ) || mirror_init(&mirror, &vmmp, &host) ||
        vmmp_virtio_mmio_init(&mmio, &mirror.virtio, &line, NULL) ||
        vmmp_vm_attach_window(&vmmp, &mmio.window, vmmp_gpa(MIRROR))) {
        fprintf(stderr, "my_virtio_device: the VM cannot be made\n");
        return 1;
    }
    /* Each access is a load or store of the vCPU's; &mmio.window would do without a VM. */
    script_window_init(&view, vcpu, MIRROR, VMMP_VIRTIO_MMIO_SIZE);
    vmmp_virtio_driver_init(&driver, &vmmp_virtio_driver_mmio, &view.window, &vmmp.memory, RAM,
                            RAM_SIZE);
    int result = reflects(&driver) | withstands(&driver);

    vmmp_virtio_mmio_fini(&mmio);
    vmmp_virtio_fini(&mirror.virtio);
    vmmp_vm_fini(&vmmp);
    vmmp_irq_line_fini(&line);
    return result || !script_check(vm);
}

int main(void)
{
    static vm_t vm;
    simple_t simple;
    ps_io_ops_t io_ops;
    vspace_t vspace;

    memset(&vspace, 0, sizeof(vspace));
    hosted_simple_script(&simple, NULL, NULL);
    hosted_io_ops_init(&io_ops);
    if (vm_init(&vm, NULL, &simple, vspace, &io_ops, 0, "example")) {
        return 1;
    }
    int result = run(&vm);
    hosted_vm_destroy(&vm);
    return result;
}
