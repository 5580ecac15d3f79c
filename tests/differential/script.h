/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts: what is done to a machine, and the notes of what it answered. Every note has the name of
 * its step, which is there once, and a value; commas are in neither.
 */
#pragma once

#include <stddef.h>

#include "machine.h"

struct note {
    char step[120];
    char value[72];
};

struct notes {
    struct note *list;
    size_t count;
    size_t room;
};

struct run {
    struct machine *machine;
    struct notes *notes;
    const char *script; /* The first word of its steps. */
    char way[48];       /* The second: a kind of ring, say; or empty. */
    struct vmmp_virtio_driver driver;
    uint64_t data; /* 64 KiB of RAM for buffers, page-aligned. */
    bool lost;     /* The machine, since the last start. */
    uint64_t mark; /* The driver's memory from here on is free again with each start. */
};

struct script {
    const char *name;
    unsigned devices; /* Masks; 0: all. */
    unsigned faces;
    void (*play)(struct run *run);
};

extern const struct script scripts[];
extern const unsigned script_count;

/* A step's name, in the run's own buffer that the next call uses again. */
__attribute__((format(printf, 1, 2))) const char *step(const char *format, ...);
__attribute__((format(printf, 3, 4))) void note(struct run *run, const char *step,
                                                const char *format, ...);

/* Plays what applies. */
void scripts_play(struct machine *machine, struct notes *notes);

/* ---- For scripts ---- */

#define BIT(n) (UINT64_C(1) << (n))

uint64_t peek(struct run *run, uint64_t offset, unsigned size);
void poke(struct run *run, uint64_t offset, unsigned size, uint64_t value);
uint8_t status(struct run *run);
void set_status(struct run *run, uint8_t value);
/* Reset, and the driver's memory as new. */
void reset(struct run *run);
/* The driver starts with those features that are offered; notes it if it is refused. */
bool start(struct run *run, uint64_t features, unsigned queues);

/* The device still works. Otherwise a script starts it again. */
bool works(struct run *run);

/* Bytes of the run's buffers. */
uint8_t *at(struct run *run, uint64_t gpa, size_t len);
/* Kicks whatever is said about kicks, and waits for `queue` to have a used buffer. */
bool strike(struct run *run, unsigned queue, uint32_t *id, uint32_t *len);
/* The same, noting "used LENGTH" or "nothing", and whether the device needs a reset. */
bool strike_and_note(struct run *run, unsigned queue, const char *step);
/* A used buffer there is or comes soon. */
bool await(struct run *run, unsigned queue, uint32_t *id, uint32_t *len);

/* Ways to have rings: those that a face has, one after the other, as the run's `way`. */
struct ways {
    bool all; /* Otherwise split ones without events and packed ones with them. */
    uint64_t features;
    unsigned next;
};
bool next_way(struct run *run, struct ways *ways);

void play_identity(struct run *run);
void play_features(struct run *run);
void play_status(struct run *run);
void play_registers(struct run *run);
void play_legacy_registers(struct run *run);
void play_mmio_registers(struct run *run);
void play_configuration(struct run *run);
void play_interrupts(struct run *run);
void play_events(struct run *run);
void play_chains(struct run *run);
void play_hostile(struct run *run);
void play_blk(struct run *run);
void play_net(struct run *run);
void play_net_control(struct run *run);
void play_console(struct run *run);
void play_balloon(struct run *run);
