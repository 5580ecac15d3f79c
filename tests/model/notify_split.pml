/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notification suppression with VIRTIO_F_EVENT_IDX on split rings (virtio 1.2, 2.7.7.2, 2.7.10):
 * who publishes buffers (by an index) and who waits for them (by an event), each with a store
 * buffer: what it has written reaches the other only later, also after its own next reads. Driver
 * and device have the same two roles, the one for kicks, the other for interrupts:
 * vmmp_virtqueue_split_listen() is the waiter of the first, vmmp_virtqueue_split_flush() the
 * publisher of the second.
 *
 * Claim: whoever waits does not sleep while there is something that it has not seen, in every
 * interleaving. NO_PUBLISHER_FENCE, NO_WAITER_FENCE and NO_SECOND_LOOK leave out what that takes;
 * OFF_BY_ONE asks for the entry after the next. All have to fail.
 */
#define SIZE 4         /* Entries of the ring. */
#define RANGE 8        /* Indices wrap there, as 16-bit ones do at twice the largest ring. */
#ifndef TOTAL
#define TOTAL 10       /* More than RANGE: an old event may look like one to come. */
#endif

/* Memory, and the two stores that may still be on their way to it. */
byte idx = 0;
byte event = 0;
bool idx_late = false;
byte idx_value;
bool event_late = false;
byte event_value;

bool notified = false; /* An interrupt or a kick, until it is taken. */
byte published = 0;    /* All there ever were. */
byte seen = 0;
bool finished = false;

/* Stores arrive when they like. */
active proctype memory()
{
end:
    do
    :: atomic { idx_late -> idx = idx_value; idx_late = false }
    :: atomic { event_late -> event = event_value; event_late = false }
    od
}

active proctype publisher()
{
    byte count;
    byte e;
    do
    :: published < TOTAL ->
        /* The ring has room. */
        published - seen < SIZE;
        if
        :: count = 1
        :: published - seen + 2 <= SIZE && published + 2 <= TOTAL -> count = 2
        fi;
        atomic {
            !idx_late -> idx_value = (published + count) % RANGE;
            idx_late = true;
            published = published + count
        }
#ifndef NO_PUBLISHER_FENCE
        !idx_late;
#endif
        e = event;
        if
        :: (published % RANGE + RANGE + RANGE - e - 1) % RANGE < count -> notified = true
        :: else
        fi
    :: else -> break
    od;
    finished = true
}

active proctype waiter()
{
    byte last = 0;
    byte now;
    do
    :: now = idx;
       if
       :: now != last ->
           seen = seen + (now + RANGE - last) % RANGE;
           last = now
       :: else ->
           atomic {
               !event_late ->
#ifdef OFF_BY_ONE
               event_value = (last + 1) % RANGE;
#else
               event_value = last;
#endif
               event_late = true
           }
#ifndef NO_WAITER_FENCE
           !event_late;
#endif
#ifndef NO_SECOND_LOOK
           now = idx;
           if
           :: now != last -> goto again
           :: else
           fi;
#endif
end:       atomic { notified -> notified = false }
       fi;
again: skip
    od
}

/* When nobody can move, nobody sleeps on what was published. */
active proctype quiet()
{
    timeout -> assert(finished && seen == TOTAL && published == TOTAL)
}
