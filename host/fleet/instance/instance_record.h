/*
 * What the next daemon has to know to go on with an instance: <run dir>/<instance>.record, beside the
 * instance's directory, which its container does not see. It is there while the instance is prewarmed or
 * ready, and holds nothing secret. Times are of this boot's clock_ms(): no container outlives it.
 */
#ifndef FLEET_INSTANCE_INSTANCE_RECORD_H
#define FLEET_INSTANCE_INSTANCE_RECORD_H

#include "base/error.h"
#include "base/hash.h"
#include "fleet/engine/engine.h"
#include "fleet/engine/owner.h"
#include "fleet/instance/instance_times.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define INSTANCE_RECORD_SUFFIX ".record"
#define INSTANCE_RECORD_MAX    (64u << 10) /* bytes */

struct instance_record {
    char owner[OWNER_ID_DIGITS + 1]; /* whose it is */
    char instance[INSTANCE_ID_DIGITS + 1];
    char *container; /* its id at the engine */
    char *function; /* NULL: it is prewarmed */
    char digest[HASH_HEX_SIZE]; /* of the revision; of a prewarmed one's container_spec_digest() */
    bool was_prewarmed; /* it is, or was before it got its function */
    unsigned concurrency; /* slots; 0: it is prewarmed */
    struct container_limits limits;
    char *address; /* of a server that waits for connections; NULL: its runner dials */
    pid_t process; /* of the link: link_process() */
    uid_t user; /* whose connections they are; (uid_t)-1: nobody can tell */
    pid_t first_process; /* of the container; 0: nobody can tell */
    uint64_t first_began; /* process_began() of that */
    struct instance_times times;
    uint64_t ready_ms; /* 0: it is prewarmed */
};

/* What such a file holds. The caller frees it. */
char *instance_record_text(const struct instance_record *record);

/* Reads one. -1: it is damaged, or another version has written it. The caller clears *ret_record. */
int instance_record_parse(const char *text, size_t size, struct instance_record *ret_record,
                          struct error *err);

/* Frees what it points to. */
void instance_record_clear(struct instance_record *record);

/* Writes one whole into `dir`, where the instances' directories are; reads one that is there; removes it.
 * Nothing is synced: no container outlives the machine. A failure to write is logged. */
void instance_record_write(const char *dir, const struct instance_record *record);
int instance_record_read(const char *dir, const char *instance, struct instance_record *ret_record,
                         struct error *err);
void instance_record_remove(const char *dir, const char *instance);

/* Whether the container's first process is still the one of the record, as far as anybody can tell. */
bool instance_record_is_of_this_start(const struct instance_record *record);

#endif
