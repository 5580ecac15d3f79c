/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/virtio_rig.h"

#include "vmmp_test.h"

#include "virtio/virtio_spec.h"

static void log_sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                     const char *message)
{
    struct virtio_rig *rig = cookie;
    (void)level;
    assert_int_equal(origin, rig->origin);
    snprintf(rig->last_message, sizeof(rig->last_message), "%s", message);
    rig->messages++;
}

static void defer(void *cookie, struct vmmp_work *work)
{
    struct virtio_rig *rig = cookie;
    if (work->queued) {
        return;
    }
    rig->deferrals++;
    work->queued = true;
    work->next = NULL;
    struct vmmp_work **end = &rig->queued;
    while (*end) {
        end = &(*end)->next;
    }
    *end = work;
}

static void cancel(void *cookie, struct vmmp_work *work)
{
    struct virtio_rig *rig = cookie;
    for (struct vmmp_work **at = &rig->queued; *at; at = &(*at)->next) {
        if (*at == work) {
            *at = work->next;
            work->queued = false;
            return;
        }
    }
}

static uint64_t now(void *cookie)
{
    return ((struct virtio_rig *)cookie)->now;
}

static void timer_cancel(void *cookie, struct vmmp_timer *timer)
{
    struct virtio_rig *rig = cookie;
    for (struct vmmp_timer **at = &rig->timers; *at; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    }
    timer->armed = false;
}

static void timer_arm(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns)
{
    struct virtio_rig *rig = cookie;
    timer_cancel(cookie, timer);
    struct vmmp_timer **at = &rig->timers;
    while (*at && (*at)->deadline_ns <= deadline_ns) {
        at = &(*at)->next;
    }
    timer->deadline_ns = deadline_ns;
    timer->next = *at;
    timer->armed = true;
    *at = timer;
}

/* Contexts that do not nest, as a mutex would not. */
static void enter(void *cookie)
{
    struct virtio_rig *rig = cookie;
    assert_int_equal(rig->depth, 0);
    rig->depth++;
}

static void leave(void *cookie)
{
    struct virtio_rig *rig = cookie;
    assert_int_equal(rig->depth, 1);
    rig->depth--;
}

static int context_init(void *cookie, struct vmmp_context *context)
{
    *context = (struct vmmp_context){ enter, leave, cookie };
    return 0;
}

static const struct vmmp_host_ops host_ops = {
    .now = now,
    .timer_arm = timer_arm,
    .timer_cancel = timer_cancel,
    .defer = defer,
    .cancel = cancel,
    .context_init = context_init,
};

static void level(void *cookie, bool high)
{
    struct virtio_rig *rig = cookie;
    rig->pulses += high && !rig->high;
    rig->high = high;
}

static void pulse(void *cookie)
{
    struct virtio_rig *rig = cookie;
    rig->pulses++;
}

static const struct vmmp_irq_line_ops level_ops = { .level = level };
static const struct vmmp_irq_line_ops pulse_ops = { .pulse = pulse };

void virtio_rig_init(struct virtio_rig *rig, bool defers, bool with_pulse)
{
    memset(rig, 0, sizeof(*rig));
    rig->origin = VMMP_LOG_GUEST;
    rig->ram = calloc(1, VIRTIO_RIG_RAM_SIZE);
    assert_non_null(rig->ram);
    vmmp_guest_memory_init(&rig->memory, NULL, NULL);
    assert_int_equal(vmmp_guest_memory_add(&rig->memory, vmmp_gpa(VIRTIO_RIG_RAM),
                                           VIRTIO_RIG_RAM_SIZE, rig->ram),
                     0);
    rig->log = (struct vmmp_log){ log_sink, rig, VMMP_LOG_DEBUG };
    rig->host = (struct vmmp_host){ defers ? &host_ops : NULL, rig };
    /* The line's context would be the same mutex; it has none. */
    assert_int_equal(
        vmmp_irq_line_init(&rig->line, with_pulse ? &pulse_ops : &level_ops, rig, NULL), 0);
}

void virtio_rig_fini(struct virtio_rig *rig)
{
    assert_null(rig->queued);
    assert_null(rig->timers);
    assert_int_equal(rig->depth, 0);
    vmmp_irq_line_fini(&rig->line);
    free(rig->ram);
}

bool virtio_rig_run(struct virtio_rig *rig)
{
    struct vmmp_work *work = rig->queued;
    if (!work) {
        return false;
    }
    rig->queued = work->next;
    work->queued = false;
    vmmp_context_enter(work->context);
    work->run(work->cookie);
    vmmp_context_leave(work->context);
    return true;
}

void virtio_rig_advance(struct virtio_rig *rig, uint64_t nanoseconds)
{
    uint64_t target = rig->now + nanoseconds;
    while (rig->timers && rig->timers->deadline_ns <= target) {
        struct vmmp_timer *timer = rig->timers;
        rig->now = timer->deadline_ns > rig->now ? timer->deadline_ns : rig->now;
        timer_cancel(rig, timer);
        vmmp_context_enter(timer->work.context);
        timer->work.run(timer->work.cookie);
        vmmp_context_leave(timer->work.context);
    }
    rig->now = target;
}

void virtio_rig_plug(struct virtio_rig *rig, struct vmmp_virtio_pci *pci)
{
    assert_int_equal(vmmp_irq_source_init(&pci->function.irq, &rig->line), 0);
}

struct vmmp_window *virtio_rig_connect(struct virtio_rig *rig, struct vmmp_virtio_device *device,
                                       const struct virtio_driver_transport *transport)
{
    if (transport == &virtio_driver_mmio) {
        assert_int_equal(vmmp_virtio_mmio_init(&rig->mmio, device, &rig->line, NULL), 0);
        return &rig->mmio.window;
    }
    /* The one type that has a legacy face and is not transitional. */
    const bool legacy = transport->legacy && device->ops->type == VIRTIO_ID_VSOCK;
    const struct vmmp_virtio_pci_options options = { .face = legacy
                                                                 ? VMMP_VIRTIO_PCI_LEGACY
                                                                 : VMMP_VIRTIO_PCI_TRANSITIONAL };
    assert_int_equal(vmmp_virtio_pci_init(&rig->pci, device, &options), 0);
    virtio_rig_plug(rig, &rig->pci);
    return transport->legacy ? &rig->pci.legacy : &rig->pci.modern;
}

void virtio_rig_disconnect(struct virtio_rig *rig)
{
    if (rig->mmio.device) {
        vmmp_virtio_mmio_fini(&rig->mmio);
    } else {
        vmmp_virtio_pci_fini(&rig->pci);
    }
}
