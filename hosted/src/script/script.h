/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted engine's own structures. `script_vm.lock` is a leaf: nothing is called under it. */
#pragma once

#include <pthread.h>

#include <hosted/script.h>

#include "engine.h"

#define SCRIPT_PRIVATE_IRQS 32
#define SCRIPT_ERRORS_KEPT  16
#define SCRIPT_ERROR_LENGTH 160
#define SCRIPT_ALIASES      64
#define SCRIPT_FIELDS       64
#define SCRIPT_PC_START     0x1000
#define SCRIPT_INSTRUCTION  4

/** An input of the interrupt controller, with what script_irq() does not show. */
struct script_input {
    struct script_irq shown;
    bool latched; /**< Injected, not taken yet. */
};

/** A page of RAM mapped a second time for vm_ram_touch(). */
struct script_alias {
    void *page;
    size_t size;
    bool dead; /**< Inaccessible, kept so that its address is not used again soon. */
};

/** A piece of the host's physical address space. */
struct script_chunk {
    uint64_t paddr;
    uint8_t *host;
    struct script_chunk *next;
};

#define SCRIPT_DOORBELLS 64

struct script_doorbell {
    uint64_t gpa;
    unsigned size;
    bool match;
    uint32_t value;
    int fd;
};

struct script_vm {
    struct hosted_vm *hosted;
    struct script_config config;
    pthread_mutex_t lock;
    pthread_cond_t changed;

    unsigned calls[HOSTED_CALL_COUNT];
    unsigned fail_at[HOSTED_CALL_COUNT];

    unsigned error_count;
    char errors[SCRIPT_ERRORS_KEPT][SCRIPT_ERROR_LENGTH];

    struct script_alias aliases[SCRIPT_ALIASES];
    unsigned next_alias;
    struct script_chunk *chunks;
    /* With ram_in_pages: those that are mapped, by address. */
    uint64_t *ram_pages;
    unsigned ram_page_count;

    struct script_input inputs[SCRIPT_IRQS];

    struct script_doorbell doorbells[SCRIPT_DOORBELLS];
    unsigned doorbell_count;

    uint64_t now;
    struct vmmp_work *queue;
    struct vmmp_work **queue_end;
    struct vmmp_timer *timers;
    struct vmmp_work *running;
    pthread_t runner;
};

struct script_vcpu {
    struct script_vm *script;
    hosted_context_t context;
    uint64_t pc; /**< On ARM the one in `context` counts. */
    bool started;
    bool suspended;
    unsigned resets; /**< Of its system registers. */
    struct hosted_resumed resumed;
    /* The instruction in progress. */
    bool pending;
    bool raw; /**< By register, not by value. */
    struct hosted_mmio access;
    /* VMCS fields and the like. */
    unsigned field_count;
    struct {
        uint32_t number;
        uint64_t value;
    } fields[SCRIPT_FIELDS];
    uint64_t vectors[32][2];
    struct script_input inputs[SCRIPT_PRIVATE_IRQS];
};

static inline struct script_vm *script_vm_of(const vm_t *vm)
{
    return hosted_vm_engine_state(hosted_vm_of(vm));
}

static inline struct script_vcpu *script_vcpu_of(const vm_vcpu_t *vcpu)
{
    return hosted_vcpu_engine_state(hosted_vcpu_of(vcpu));
}

/* record.c */
void script_record_text(struct script_vm *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int script_permit(struct hosted_vm *hosted, enum hosted_call call);
void script_misused(struct hosted_vcpu *vcpu, enum hosted_misuse misuse);

/* memory.c */
void *script_alias_begin(struct hosted_vm *hosted, void *host, size_t size);
void script_alias_end(struct hosted_vm *hosted, void *alias, size_t size);
void *script_memory_physical(struct hosted_vm *hosted, uint64_t paddr, uint64_t size);
uint64_t script_memory_mapped(struct hosted_vm *hosted, uint64_t gpa, uint64_t wanted,
                              uint64_t size);
void script_memory_free(struct script_vm *script);

/* inputs.c */
void script_inputs_init(struct script_input *inputs, unsigned count);
int script_irq_register(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);
int script_irq_level(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq, bool high);
int script_irq_inject(struct hosted_vm *hosted, struct hosted_vcpu *vcpu, int irq);

/* doorbells.c */
int script_doorbell(struct hosted_vm *hosted, const struct vmmp_doorbell *doorbell, int fd,
                    bool add);
/** Whether a doorbell takes the access, which is over then. */
bool script_doorbell_takes(struct script_vm *script, const struct hosted_mmio *access);

/* access.c */
enum script_result script_result_of(enum hosted_outcome outcome, bool skipped);
/** False (recorded) if an instruction is pending. */
bool script_ready(vm_vcpu_t *vcpu);

/* arch/: where the pc is */
uint64_t script_arch_pc(const struct script_vcpu *vcpu);
void script_arch_set_pc(struct script_vcpu *vcpu, uint64_t pc);
/** Inputs below this belong to a vCPU. */
extern const int script_arch_private_irqs;
/** Enabling an input acknowledges it; injecting into a disabled one fails. */
extern const bool script_arch_has_gic;
/** The vCPU's own numbers for what libsel4vm calls a register or field; false if it is not special.
 */
bool script_arch_field_get(const struct script_vcpu *vcpu, uint32_t number, uint64_t *value);
bool script_arch_field_set(struct script_vcpu *vcpu, uint32_t number, uint64_t value);
