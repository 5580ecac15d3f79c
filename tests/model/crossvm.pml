/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The events of a cross-VM connection: a peer that emits, the host's deferred work, the guest's
 * driver (src/crossvm/crossvm.c). Each atomic step is one access or one hold of the context.
 *
 * Claims: no event is lost or invented, whatever the interleaving; and when all is quiet, the guest
 * has been told every event (it does not sleep while there are some). NAIVE is a clear that stores
 * what is written, SLEEPY one that always lowers the line; both must fail.
 */
#ifndef EVENTS
#define EVENTS 4
#endif

byte emitted = 0; /* by the peer */
byte told = 0;    /* to the guest's driver */

byte arrived = 0;
bool queued = false; /* the deferred work */
byte count = 0;
byte seen = 0;
bool line = false;

inline absorb()
{
    if
    :: arrived > 0 -> count = count + arrived; arrived = 0; line = true
    :: else
    fi
}

active proctype peer()
{
    do
    :: emitted < EVENTS ->
        atomic { arrived = arrived + 1; emitted = emitted + 1 }
        queued = true
    :: else -> break
    od
}

/* The host's loop: the work is no longer queued when it starts to run. */
active proctype host()
{
end:
    do
    :: atomic { queued -> queued = false }
        d_step { absorb() }
    od
}

active proctype driver()
{
    byte value;
end:
    do
    :: line ->
        d_step { absorb(); value = count; seen = count }
        if
        :: value == 0 -> skip /* not ours */
        :: else ->
            d_step {
                absorb();
#ifdef NAIVE
                count = 0;
#else
                count = count - seen;
#endif
                seen = 0;
#ifdef SLEEPY
                line = false
#else
                line = (count > 0)
#endif
            }
            told = told + value
        fi
    od
}

/* When nobody can move (timeout), every event has been told. */
active proctype quiet()
{
    timeout -> assert(emitted == EVENTS && told == EVENTS && count == 0 && arrived == 0)
}
