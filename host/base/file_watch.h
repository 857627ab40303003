/*
 * Watches files and folders by inotify and tells which of them have changed, once it has been quiet for a
 * moment: somebody who saves a file, or checks a whole tree out, makes many changes, and what is there
 * between them is of no use. What raised no event (more were lost than the kernel keeps, there are not enough
 * watches, the file system is another machine's) is found by a slow look at the same places. It knows nothing
 * of what the files are for. Control thread; the looking is done in the background.
 */
#ifndef BASE_FILE_WATCH_H
#define BASE_FILE_WATCH_H

#include "base/background.h"
#include "base/watch_walk.h"

#include <event2/event.h>
#include <stddef.h>

struct file_watch;

/* These places are not what they were told to be last: as they are handed over they have just been looked at,
 * and what changes from then on is told anew. Borrowed. */
typedef void file_watch_changed_fn(void *owner, const struct watch_place *places, size_t count);

struct file_watch_options {
    struct event_base *base;
    struct background *background; /* outlives it */
    unsigned quiet_ms; /* after a file was written or got its name */
    unsigned unfinished_ms; /* after one was made or has gone, which something else may follow */
    unsigned longest_ms; /* however little quiet there is */
    unsigned look_ms; /* between looks at everything */
    unsigned blind_look_ms; /* between looks at what raises no events */
    size_t watches_max; /* for what is above it, there is the look */
    file_watch_changed_fn *changed;
    void *owner;
};

/* Watches nothing yet. Never NULL: without inotify everything is looked at. */
struct file_watch *file_watch_create(const struct file_watch_options *options);

/* Ends it silently. NULL is fine. */
void file_watch_destroy(struct file_watch *watch);

/* Watches these places, copied, and no others; one that is given twice is one. One that was not watched yet
 * is looked at in the background before whatever is given to do there after this call, so nothing that comes
 * after such work goes unseen. */
void file_watch_set(struct file_watch *watch, const struct watch_place *places, size_t count);

#endif
