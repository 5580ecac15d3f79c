/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event suppression of packed rings (virtio 1.2, 2.8.10): who makes entries of the ring available
 * (or used) and who waits for them, each with a store buffer: what it has written reaches the
 * other only later, also after its own next reads. An entry shows by its flags in which lap it was
 * written; the event is an entry, its wrap counter, and whether it counts, in one store, as
 * vmmp_virtqueue_packed_listen() writes it.
 *
 * Claim: whoever waits does not sleep while there is something that it has not seen, in every
 * interleaving. NO_PUBLISHER_FENCE, NO_WAITER_FENCE and NO_SECOND_LOOK leave out what that takes,
 * LAP_IGNORED takes an event of the lap before for one of this lap. All have to fail.
 */
#define SIZE 3
#ifndef TOTAL
#define TOTAL 8 /* Entries: more than two laps. */
#endif

mtype = { ENABLE, DISABLE, DESC };

/* Memory: in which lap (its wrap counter) each entry was last written. */
bool lap[SIZE];
mtype how = ENABLE;
byte off = 0;
bool wrap = true;

/* Stores on their way to it: the first entry of a batch, and the event. */
bool entry_late = false;
byte entry_at;
bool entry_lap;
bool event_late = false;
mtype event_how;
byte event_off;
bool event_wrap;

bool notified = false;
byte published = 0;
byte seen = 0;
bool finished = false;

active proctype memory()
{
end:
    do
    :: atomic { entry_late -> lap[entry_at] = entry_lap; entry_late = false }
    :: atomic { event_late -> how = event_how; off = event_off; wrap = event_wrap; event_late = false }
    od
}

/* Whether the entry (e, w) is one of the last `count` before (next, lap): passed_event(). */
#ifdef LAP_IGNORED
#define PASSED(e, w) (next >= e + 1 && next - e - 1 < count)
#else
#define PASSED(e, w) (next + (w != mine -> SIZE : 0) >= e + 1 && next + (w != mine -> SIZE : 0) - e - 1 < count)
#endif

active proctype publisher()
{
    byte next = 0;
    bool mine = true;
    byte count;
    mtype h;
    byte o;
    bool w;
    byte first;
    bool first_lap;
    do
    :: published < TOTAL ->
        published - seen < SIZE;
        if
        :: count = 1
        :: published - seen + 2 <= SIZE && published + 2 <= TOTAL -> count = 2
        fi;
        first = next;
        first_lap = mine;
        d_step {
            next = next + 1;
            if
            :: next == SIZE -> next = 0; mine = !mine
            :: else
            fi;
            /* The others come first and are looked at last. */
            if
            :: count == 2 ->
                lap[next] = mine;
                next = next + 1;
                if
                :: next == SIZE -> next = 0; mine = !mine
                :: else
                fi
            :: else
            fi
        }
        atomic {
            !entry_late -> entry_at = first; entry_lap = first_lap; entry_late = true;
            published = published + count
        }
#ifndef NO_PUBLISHER_FENCE
        !entry_late;
#endif
        d_step { h = how; o = off; w = wrap }
        if
        :: h == ENABLE -> notified = true
        :: h == DESC && PASSED(o, w) -> notified = true
        :: else
        fi
    :: else -> break
    od;
    finished = true
}

active proctype waiter()
{
    byte at = 0;
    bool mine = true;
    do
    :: lap[at] == mine ->
        atomic { !event_late -> event_how = DISABLE; event_off = 0; event_wrap = false; event_late = true }
        do
        :: lap[at] == mine ->
            d_step {
                seen = seen + 1;
                at = at + 1;
                if
                :: at == SIZE -> at = 0; mine = !mine
                :: else
                fi
            }
        :: else -> break
        od
    :: else ->
        atomic {
            !event_late -> event_how = DESC; event_off = at; event_wrap = mine; event_late = true
        }
#ifndef NO_WAITER_FENCE
        !event_late;
#endif
#ifndef NO_SECOND_LOOK
        if
        :: lap[at] == mine -> goto again
        :: else
        fi;
#endif
end:    atomic { notified -> notified = false }
again:  skip
    od
}

active proctype quiet()
{
    timeout -> assert(finished && seen == TOTAL && published == TOTAL)
}
