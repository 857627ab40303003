#include "firewall/known_names.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX   1024 /* of a list */
#define AGAIN_LEAST 10 /* seconds between two questions for one name that nobody has asked */
#define TTL_MOST    3600
#define GRACE       300 /* seconds */
#define IN_USE_MS   3600000 /* after a function has asked for it */

static void drop(struct known_names *names, struct known_name *known)
{
    LIST_REMOVE(known, link);
    names->count--;
    free(known->name);
    free(known->addresses);
    free(known);
}

struct known_name *known_names_find(const struct known_names *names, const char *name, bool is_wide)
{
    struct known_name *known;
    LIST_FOREACH(known, &names->list, link)
    {
        if (known->is_wide == is_wide && strcmp(known->name, name) == 0)
            return known;
    }
    return NULL;
}

/* What it has been let through to stays until its time is up. */
static void make_room(struct known_names *names)
{
    struct known_name *known, *oldest = NULL;
    LIST_FOREACH(known, &names->list, link)
    {
        if (!known->is_kept && (!oldest || known->asked_ms < oldest->asked_ms))
            oldest = known;
    }
    if (oldest && names->count >= NAMES_MAX)
        drop(names, oldest);
}

struct known_name *known_names_take(struct known_names *names, const char *name, bool is_wide,
                                    uint64_t now_ms)
{
    struct known_name *known = known_names_find(names, name, is_wide);
    if (known)
        return known;
    make_room(names);
    known = xcalloc(1, sizeof(*known));
    known->name = xstrdup(name);
    known->is_wide = is_wide;
    known->asked_ms = known->due_ms = now_ms;
    LIST_INSERT_HEAD(&names->list, known, link);
    names->count++;
    return known;
}

static unsigned clamp(unsigned ttl_s)
{
    if (ttl_s > TTL_MOST)
        return TTL_MOST;
    return ttl_s < AGAIN_LEAST ? AGAIN_LEAST : ttl_s;
}

unsigned known_name_seconds(unsigned ttl_s)
{
    return 2 * clamp(ttl_s) + GRACE;
}

/* Those whose time is up make room. */
static void forget_former(struct known_name *known, uint64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < known->count; i++) {
        known->addresses[i].is_current = false;
        if (known->addresses[i].until_ms > now_ms)
            known->addresses[kept++] = known->addresses[i];
    }
    known->count = kept;
}

static struct known_address *address_place(struct known_name *known, const struct ip_address *address)
{
    for (size_t i = 0; i < known->count; i++) {
        if (memcmp(&known->addresses[i].address, address, sizeof(*address)) == 0)
            return &known->addresses[i];
    }
    if (known->count == KNOWN_ADDRESSES_MAX) { /* the one that is let through for the shortest time */
        struct known_address *first = &known->addresses[0];
        for (size_t i = 1; i < known->count; i++)
            first = known->addresses[i].until_ms < first->until_ms ? &known->addresses[i] : first;
        return first;
    }
    known->addresses = xgrow(known->addresses, known->count, sizeof(*known->addresses));
    return &known->addresses[known->count++];
}

void known_name_note(struct known_name *known, const struct ip_address *addresses, size_t count,
                     unsigned ttl_s, uint64_t now_ms)
{
    forget_former(known, now_ms);
    for (size_t i = 0; i < count; i++)
        *address_place(known, &addresses[i]) =
            (struct known_address){.address = addresses[i],
                                   .until_ms = now_ms + known_name_seconds(ttl_s) * UINT64_C(1000),
                                   .is_current = true};
    known->fresh_until_ms = now_ms + (ttl_s < TTL_MOST ? ttl_s : TTL_MOST) * UINT64_C(1000);
    known->due_ms = now_ms + clamp(ttl_s) * UINT64_C(1000);
}

void known_name_put_off(struct known_name *known, uint64_t now_ms)
{
    known->fresh_until_ms = 0;
    known->due_ms = now_ms + AGAIN_LEAST * UINT64_C(1000);
}

struct known_name *known_names_due(struct known_names *names, uint64_t now_ms)
{
    struct known_name *known, *next, *due = NULL;
    for (known = LIST_FIRST(&names->list); known; known = next) {
        next = LIST_NEXT(known, link);
        if (!known->is_kept && known->asked_ms + IN_USE_MS < now_ms)
            drop(names, known);
        else if (!due || known->due_ms < due->due_ms)
            due = known;
    }
    return due;
}

void known_names_clear(struct known_names *names)
{
    struct known_name *known, *next;
    for (known = LIST_FIRST(&names->list); known; known = next) {
        next = LIST_NEXT(known, link);
        drop(names, known);
    }
}
