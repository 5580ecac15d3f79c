/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *   irq_edges [COUNT]     what an edge into KVM's GICv3 costs its caller: KVM_IRQ_LINE and an irqfd
 *
 * Prints nanoseconds an edge, as "line N irqfd N". The interrupt is edge-triggered and its guest
 * does not run. After each edge the program gives way, so that work the kernel put off is paid for.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#define SPI               40u /* INTID 72 */
#define DISTRIBUTOR       UINT64_C(0x8000000)
#define REDISTRIBUTORS    UINT64_C(0x80a0000)
#define GICD_ICFGR(intid) (0xc00u + (intid) / 16 * 4)
#define EDGE(intid)       (2u << (intid) % 16 * 2)
#define IRQ_LINE_SPI(spi) ((uint32_t)KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (32 + (spi)))

static void must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static void set(int gic, uint32_t group, uint64_t attribute, const void *value)
{
    const struct kvm_device_attr attr = { .group = group,
                                          .attr = attribute,
                                          .addr = (uint64_t)(uintptr_t)value };
    must(ioctl(gic, KVM_SET_DEVICE_ATTR, &attr), "the interrupt controller");
}

static void make_gic(int vm)
{
    const uint64_t distributor = DISTRIBUTOR;
    const uint64_t redistributors = REDISTRIBUTORS;
    const uint32_t interrupts = 96;
    const uint32_t edges = EDGE(32 + SPI);
    struct kvm_create_device gic = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
    must(ioctl(vm, KVM_CREATE_DEVICE, &gic), "KVM_CREATE_DEVICE");
    int fd = (int)gic.fd;
    set(fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts);
    set(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor);
    set(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redistributors);
    set(fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
    set(fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_ICFGR(32 + SPI), &edges);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t time_of(unsigned count, int vm, int trigger)
{
    const struct kvm_irq_level level = { .irq = IRQ_LINE_SPI(SPI), .level = 1 };
    const uint64_t one = 1;
    uint64_t start = now();
    for (unsigned i = 0; i < count; i++) {
        if (trigger < 0) {
            must(ioctl(vm, KVM_IRQ_LINE, &level), "KVM_IRQ_LINE");
        } else {
            must((int)write(trigger, &one, sizeof(one)), "the irqfd");
        }
        sched_yield();
    }
    return (now() - start) / count;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 2000;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    must(kvm, "/dev/kvm");
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    must(vm, "KVM_CREATE_VM");
    must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    make_gic(vm);
    int trigger = eventfd(0, EFD_CLOEXEC);
    const struct kvm_irqfd irqfd = { .fd = (uint32_t)trigger, .gsi = SPI };
    must(ioctl(vm, KVM_IRQFD, &irqfd), "KVM_IRQFD");
    (void)time_of(count / 10 + 1, vm, trigger);
    (void)time_of(count / 10 + 1, vm, -1);
    uint64_t line = time_of(count, vm, -1);
    uint64_t deferred = time_of(count, vm, trigger);
    printf("line %llu irqfd %llu\n", (unsigned long long)line, (unsigned long long)deferred);
    return 0;
}
