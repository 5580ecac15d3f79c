/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include <stdio.h>

#include "arm/board_qemu_arm_virt_map.h"

/* Registers of a PL031 (ARM DDI 0224, 3.2), as indices of 32-bit words. */
#define DATA             (0x00 / 4)
#define MATCH            (0x04 / 4)
#define INTERRUPT_ENABLE (0x10 / 4)
#define INTERRUPT_MASKED (0x18 / 4)
#define INTERRUPT_CLEAR  (0x1c / 4)

#define NANOSECONDS UINT64_C(1000000000)

static struct {
    volatile uint32_t *alarm; /* The PL031; NULL: there is none. */
    seL4_CPtr interrupt;
    struct vmmp_timer *first; /* By deadline. */
    unsigned armed;
} the_clock;

/* ---- The counter ---- */

#if defined(CONFIG_EXPORT_VCNT_USER)

static uint64_t now(void *cookie)
{
    uint64_t count;
    uint64_t frequency;

    (void)cookie;
    __asm__ volatile("isb\n"
                     "mrs %0, cntvct_el0\n"
                     "mrs %1, cntfrq_el0\n"
                     : "=r"(count), "=r"(frequency));
    return count / frequency * NANOSECONDS + count % frequency * NANOSECONDS / frequency;
}

/* ---- Timers ---- */

/* Wakes this program not much after the first deadline: the PL031 counts seconds. */
static void set_alarm(uint64_t time)
{
    if (the_clock.alarm && the_clock.first) {
        uint64_t deadline = the_clock.first->deadline_ns;
        uint64_t ahead = deadline > time ? (deadline - time - 1) / NANOSECONDS + 1 : 1;
        the_clock.alarm[MATCH] = the_clock.alarm[DATA] + (uint32_t)(ahead < UINT32_MAX ? ahead : 1);
    }
}

static void unlink_timer(struct vmmp_timer *timer)
{
    struct vmmp_timer **link = &the_clock.first;

    while (*link && *link != timer) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = timer->next;
        the_clock.armed--;
    }
    timer->armed = false;
}

static void timer_cancel(void *cookie, struct vmmp_timer *timer)
{
    (void)cookie;
    if (timer->armed) {
        unlink_timer(timer);
    }
}

static void timer_arm(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns)
{
    struct vmmp_timer **link = &the_clock.first;

    timer_cancel(cookie, timer);
    while (*link && (*link)->deadline_ns <= deadline_ns) {
        link = &(*link)->next;
    }
    timer->deadline_ns = deadline_ns;
    timer->armed = true;
    timer->next = *link;
    *link = timer;
    the_clock.armed++;
    if (the_clock.first == timer) {
        set_alarm(now(NULL));
    }
}

void clock_run(void)
{
    uint64_t time = the_clock.first ? now(NULL) : 0;
    struct vmmp_timer *timer = the_clock.first;

    if (!timer || timer->deadline_ns > time) {
        return;
    }
    /* What is armed again meanwhile is for the next time. */
    for (unsigned i = the_clock.armed; i && timer && timer->deadline_ns <= time; i--) {
        unlink_timer(timer);
        timer->work.run(timer->work.cookie);
        timer = the_clock.first;
    }
    set_alarm(time);
}

void clock_interrupt(void)
{
    if (the_clock.alarm && the_clock.alarm[INTERRUPT_MASKED]) {
        the_clock.alarm[INTERRUPT_CLEAR] = 1;
        (void)seL4_IRQHandler_Ack(the_clock.interrupt);
        clock_run();
        /* It may have come in the second before the one that was meant. */
        set_alarm(now(NULL));
    }
}

#else

void clock_run(void)
{
}

void clock_interrupt(void)
{
}

#endif

static const struct vmmp_host_ops ops = {
#if defined(CONFIG_EXPORT_VCNT_USER)
    .now = now,
    .timer_arm = timer_arm,
    .timer_cancel = timer_cancel,
#endif
};

struct vmmp_host clock_host(void)
{
    return (struct vmmp_host){ .ops = &ops };
}

uint32_t clock_seconds(void)
{
    return the_clock.alarm ? the_clock.alarm[DATA] : 0;
}

void clock_init(struct root_task *root)
{
    the_clock.alarm =
        ps_io_map(&root->io_ops.io_mapper, VIRT_PL031_BASE, VIRT_PL031_SIZE, 0, PS_MEM_NORMAL);
    if (!the_clock.alarm ||
        root_task_interrupt(root, VIRT_SPI_INTID(VIRT_PL031_SPI), &the_clock.interrupt)) {
        printf("vmm: the host's clock cannot be had: the guest does not know what day it is\n");
        the_clock.alarm = NULL;
        return;
    }
    the_clock.alarm[INTERRUPT_CLEAR] = 1;
    the_clock.alarm[INTERRUPT_ENABLE] = clock_host().ops->timer_arm != NULL;
}
