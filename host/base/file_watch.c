#include "base/file_watch.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stray_file.h"
#include "base/table.h"
#include "base/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENT_BYTES 16384

/* A place that is watched, or was when a look at it began. */
struct spot {
    UT_hash_handle hh;
    char *key; /* its kind, as one character, and its path */
    struct spot *gone; /* the next of those that are dropped together */
    char stamp[HASH_HEX_SIZE]; /* of the last look, "": there was none yet */
    unsigned looks; /* under way */
    int blind; /* watch_walk() */
    bool missing;
    bool suspect; /* to be looked at */
    bool certain; /* there was an event that leaves no doubt, whatever the stamps are */
    bool dropped;
    bool renewed; /* its links are about to be replaced */
};

/* An inotify watch and one of the spots that it is for. */
struct link {
    int watch;
    struct spot *spot;
};

struct file_watch {
    struct file_watch_options options;
    int inotify; /* -1: there is none */
    struct spot *spots; /* by key */
    struct link *links; /* sorted by watch */
    size_t link_count;
    struct event *readable, *quiet, *look, *blind_look;
    uint64_t first_ms; /* the oldest event that was not looked into; 0: there is none */
    unsigned
        looks; /* under way, during which events wait in the kernel: their watches may not be known yet */
    bool told_blind, destroyed;
};

/* Spots that are looked at together. */
struct look {
    struct file_watch *watch;
    struct watch_walk *walks;
    struct spot **spots;
    size_t count;
    size_t room; /* for further watches */
};

static struct watch_place place_of(const struct spot *spot)
{
    return (struct watch_place){(enum watch_kind)(spot->key[0] - '0'), spot->key + 1};
}

static void free_spot(struct spot *spot)
{
    free(spot->key);
    free(spot);
}

/* --- links --- */

static int compare_links(const void *a, const void *b)
{
    const struct link *left = a, *right = b;
    return (left->watch > right->watch) - (left->watch < right->watch);
}

/* The first link of a watch; `link_count` when it has none. */
static size_t find_link(const struct file_watch *watch, int number)
{
    size_t low = 0, high = watch->link_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (watch->links[middle].watch < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < watch->link_count && watch->links[low].watch == number ? low : watch->link_count;
}

/* Takes the links of all spots that are renewed or dropped out; the caller frees them. */
static struct link *take_links(struct file_watch *watch, size_t *ret_count)
{
    struct link *taken = xcalloc(watch->link_count, sizeof(*taken));
    size_t kept = 0, count = 0;
    for (size_t i = 0; i < watch->link_count; i++) {
        const struct spot *spot = watch->links[i].spot;
        if (spot->renewed || spot->dropped)
            taken[count++] = watch->links[i];
        else
            watch->links[kept++] = watch->links[i];
    }
    watch->link_count = kept;
    *ret_count = count;
    return taken;
}

/* Removes the watches of these links that are for nothing any more. */
static void end_watches(struct file_watch *watch, const struct link *links, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (find_link(watch, links[i].watch) == watch->link_count)
            inotify_rm_watch(watch->inotify, links[i].watch);
    }
}

static void add_links(struct file_watch *watch, const struct look *look)
{
    size_t more = 0;
    for (size_t i = 0; i < look->count; i++)
        more += look->walks[i].watch_count;
    watch->links = xrealloc(watch->links, (watch->link_count + more + 1) * sizeof(*watch->links));
    for (size_t i = 0; i < look->count; i++) {
        for (size_t k = 0; k < look->walks[i].watch_count; k++)
            watch->links[watch->link_count++] = (struct link){look->walks[i].watches[k], look->spots[i]};
    }
    qsort(watch->links, watch->link_count, sizeof(*watch->links), compare_links);
}

/* What the look has set takes the place of what its spots had before. */
static void replace_links(struct file_watch *watch, const struct look *look)
{
    size_t former_count, dropped_count;
    for (size_t i = 0; i < look->count; i++)
        look->spots[i]->renewed = true;
    cleanup_free struct link *former = take_links(watch, &former_count);
    for (size_t i = 0; i < look->count; i++)
        look->spots[i]->renewed = false;
    add_links(watch, look);
    cleanup_free struct link *dropped = take_links(watch, &dropped_count);
    end_watches(watch, former, former_count);
    end_watches(watch, dropped, dropped_count);
}

/* --- looks --- */

static void free_look(struct look *look)
{
    for (size_t i = 0; i < look->count; i++) {
        free(look->walks[i].watches);
        if (--look->spots[i]->looks == 0 && look->spots[i]->dropped)
            free_spot(look->spots[i]);
    }
    free(look->walks);
    free(look->spots);
    free(look);
}

static void free_watch(struct file_watch *watch)
{
    free(watch->links);
    if (watch->inotify >= 0)
        close(watch->inotify);
    free(watch);
}

static void work(void *context)
{
    struct look *look = context;
    for (size_t i = 0; i < look->count; i++) {
        look->walks[i].room = look->room;
        watch_walk(&look->walks[i]);
        look->room -= look->walks[i].watch_count;
    }
}

static const struct {
    int error;
    const char *why, *hint;
} blindness[] = {
    {ENOSPC, "the user's inotify watches are used up", "more of them: sysctl fs.inotify.max_user_watches"},
    {EMFILE, "the user's inotify instances are used up",
     "more of them: sysctl fs.inotify.max_user_instances"},
    {EDQUOT, "there are more folders than are watched", NULL},
    {ENOTSUP, "others can change its file system without an event here", NULL},
};

static void tell_blind(struct file_watch *watch, const struct spot *spot)
{
    const char *why = "a folder cannot be watched", *hint = NULL;
    if (watch->told_blind)
        return;
    watch->told_blind = true;
    for (size_t i = 0; i < sizeof(blindness) / sizeof(*blindness); i++) {
        if (blindness[i].error == spot->blind) {
            why = blindness[i].why;
            hint = blindness[i].hint;
        }
    }
    log_warning("watch.blind", LOG_STR("path", spot->key + 1), LOG_STR("why", why),
                LOG_INT("looked_at_every_ms", watch->options.blind_look_ms), LOG_STR("hint", hint));
}

/* Takes what the look has found; true when the place is another one. */
static bool take_walk(struct file_watch *watch, struct spot *spot, const struct watch_walk *walk)
{
    bool first = !*spot->stamp;
    bool changed = !first && (spot->certain || strcmp(spot->stamp, walk->stamp) != 0);
    memcpy(spot->stamp, walk->stamp, sizeof(spot->stamp));
    spot->certain = false;
    spot->missing = walk->missing;
    spot->blind = walk->blind;
    if (spot->blind)
        tell_blind(watch, spot);
    return changed && !spot->dropped;
}

static void schedule_blind_look(struct file_watch *watch)
{
    if (evtimer_pending(watch->blind_look, NULL))
        return;
    for (const struct spot *spot = watch->spots; spot; spot = spot->hh.next) {
        if (spot->blind) {
            timer_at(watch->blind_look, watch->options.blind_look_ms, 0);
            return;
        }
    }
}

static void take_look(struct file_watch *watch, const struct look *look)
{
    cleanup_free struct watch_place *changed = xcalloc(look->count, sizeof(*changed));
    size_t count = 0;
    replace_links(watch, look);
    for (size_t i = 0; i < look->count; i++) {
        if (take_walk(watch, look->spots[i], &look->walks[i]))
            changed[count++] = place_of(look->spots[i]);
    }
    schedule_blind_look(watch);
    if (count > 0)
        watch->options.changed(watch->options.owner, changed, count);
}

static void on_worked(void *context, bool ran)
{
    struct look *look = context;
    struct file_watch *watch = look->watch;
    watch->looks--;
    if (ran && !watch->destroyed) {
        if (watch->looks == 0 && watch->readable)
            event_add(watch->readable, NULL);
        take_look(watch, look);
    }
    free_look(look);
    if (watch->destroyed && watch->looks == 0)
        free_watch(watch);
}

/* Looks at all spots that are suspect, or at those that are new. */
static void begin_look(struct file_watch *watch, bool only_new)
{
    struct look *look = xcalloc(1, sizeof(*look));
    size_t all = HASH_COUNT(watch->spots), held = 0;
    look->watch = watch;
    look->walks = xcalloc(all, sizeof(*look->walks));
    look->spots = xcalloc(all, sizeof(struct spot *));
    for (size_t i = 0; i < watch->link_count; i++)
        held += !watch->links[i].spot->suspect;
    look->room = watch->options.watches_max > held ? watch->options.watches_max - held : 0;
    for (struct spot *spot = watch->spots; spot; spot = spot->hh.next) {
        if (!spot->suspect || (only_new && *spot->stamp))
            continue;
        spot->suspect = false;
        spot->looks++;
        look->walks[look->count] = (struct watch_walk){.place = place_of(spot), .inotify = watch->inotify};
        look->spots[look->count++] = spot;
    }
    watch->looks++;
    if (watch->readable)
        event_del(watch->readable);
    background_run(watch->options.background, work, on_worked, look);
}

static void on_quiet(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct file_watch *watch = context;
    watch->first_ms = 0;
    begin_look(watch, false);
}

static void suspect_all(struct file_watch *watch, bool blind_only)
{
    for (struct spot *spot = watch->spots; spot; spot = spot->hh.next)
        spot->suspect = spot->suspect || spot->blind || !blind_only;
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct file_watch *watch = context;
    suspect_all(watch, false);
    begin_look(watch, false);
    timer_at(watch->look, watch->options.look_ms, 0);
}

static void on_blind_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct file_watch *watch = context;
    suspect_all(watch, true);
    begin_look(watch, false);
}

/* --- events --- */

/* An event counts from the moment that nothing has followed it for a while. */
static void wait_for_quiet(struct file_watch *watch, bool unfinished)
{
    const struct file_watch_options *options = &watch->options;
    uint64_t now_ms = clock_ms();
    uint64_t due_ms = now_ms + (unfinished ? options->unfinished_ms : options->quiet_ms);
    if (!watch->first_ms)
        watch->first_ms = now_ms;
    if (due_ms > watch->first_ms + options->longest_ms)
        due_ms = watch->first_ms + options->longest_ms;
    timer_at(watch->quiet, due_ms, now_ms);
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether the event may be one of what the spot has, as far as it tells; the look will say. */
static bool concerns(struct spot *spot, const struct inotify_event *event)
{
    const char *name = event->len ? event->name : "";
    const struct watch_place place = place_of(spot);
    if (spot->missing)
        return event->mask & (IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF);
    if (place.kind == WATCH_FILE && *name && strcmp(name, name_of(place.path)) != 0)
        return false;
    if (place.kind == WATCH_FOLDERS && event->mask & IN_CLOSE_WRITE)
        return false;
    bool certain = place.kind == WATCH_FILE || place.kind == WATCH_TREE;
    spot->certain = spot->certain || (*name && certain);
    return true;
}

static void take_event(struct file_watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        log_info("watch.overflow");
        suspect_all(watch, false);
        wait_for_quiet(watch, false);
        return;
    }
    if (event->len && stray_file_name(event->name))
        return;
    bool concerned = false;
    for (size_t i = find_link(watch, event->wd); i < watch->link_count && watch->links[i].watch == event->wd;
         i++) {
        struct spot *spot = watch->links[i].spot;
        if (!concerns(spot, event))
            continue;
        spot->suspect = true;
        concerned = true;
    }
    if (concerned)
        wait_for_quiet(watch, !(event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB)));
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct file_watch *watch = context;
    _Alignas(struct inotify_event) char bytes[EVENT_BYTES];
    ssize_t size = read(fd, bytes, sizeof(bytes));
    for (ssize_t at = 0; at < size;) {
        const struct inotify_event *event = (const void *)(bytes + at);
        take_event(watch, event);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
}

/* --- the whole --- */

struct file_watch *file_watch_create(const struct file_watch_options *options)
{
    struct file_watch *watch = xcalloc(1, sizeof(*watch));
    watch->options = *options;
    watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->inotify >= 0) {
        watch->readable = event_new(options->base, watch->inotify, EV_READ | EV_PERSIST, on_readable, watch);
        event_add(watch->readable, NULL);
    }
    watch->quiet = evtimer_new(options->base, on_quiet, watch);
    watch->look = evtimer_new(options->base, on_look, watch);
    watch->blind_look = evtimer_new(options->base, on_blind_look, watch);
    timer_at(watch->look, options->look_ms, 0);
    return watch;
}

/* Takes out what is dropped, chained by `gone`. */
static struct spot *take_dropped(struct file_watch *watch)
{
    struct spot *spot, *next, *gone = NULL;
    HASH_ITER(hh, watch->spots, spot, next)
    {
        if (!spot->dropped)
            continue;
        HASH_DEL(watch->spots, spot);
        spot->gone = gone;
        gone = spot;
    }
    return gone;
}

/* What a look still has is freed with that. */
static void free_dropped(struct spot *spot)
{
    while (spot) {
        struct spot *next = spot->gone;
        if (spot->looks == 0)
            free_spot(spot);
        spot = next;
    }
}

void file_watch_destroy(struct file_watch *watch)
{
    if (!watch)
        return;
    if (watch->readable)
        event_free(watch->readable);
    event_free(watch->quiet);
    event_free(watch->look);
    event_free(watch->blind_look);
    for (struct spot *spot = watch->spots; spot; spot = spot->hh.next)
        spot->dropped = true;
    free_dropped(take_dropped(watch));
    watch->destroyed = true;
    if (watch->looks == 0)
        free_watch(watch);
}

/* Wants a place to be watched; true when it was not. */
static bool want(struct file_watch *watch, const struct watch_place *place)
{
    cleanup_free char *key = xasprintf("%d%s", (int)place->kind, place->path);
    struct spot *spot;
    HASH_FIND_STR(watch->spots, key, spot);
    if (spot) {
        spot->dropped = false;
        return false;
    }
    spot = xcalloc(1, sizeof(*spot));
    spot->key = steal(&key);
    spot->suspect = true;
    HASH_ADD_KEYPTR(hh, watch->spots, spot->key, strlen(spot->key), spot);
    return true;
}

void file_watch_set(struct file_watch *watch, const struct watch_place *places, size_t count)
{
    bool some_new = false;
    for (struct spot *spot = watch->spots; spot; spot = spot->hh.next)
        spot->dropped = true;
    for (size_t i = 0; i < count; i++)
        some_new |= want(watch, &places[i]);
    size_t dropped_count;
    cleanup_free struct link *dropped = take_links(watch, &dropped_count);
    end_watches(watch, dropped, dropped_count);
    struct spot *gone = take_dropped(watch);
    if (some_new)
        begin_look(watch, true);
    free_dropped(gone);
}
