/* How much of the disk a builder takes: its folder is measured in the background, free space is looked at.
 * Control thread only. */
#ifndef PREPARE_INSTALL_BUILDER_DISK_H
#define PREPARE_INSTALL_BUILDER_DISK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct background;
struct builder_disk;

/* `err` NULL: the folder takes no more than the limit. */
typedef void builder_disk_fn(void *owner, const struct error *err);

/* Keeps `folder` (copied) to `limit_bytes`; 0: no limit. Never NULL. */
struct builder_disk *builder_disk_create(struct background *background, const char *folder,
                                         uint64_t limit_bytes);

/* No measurement reports any more. NULL is fine. */
void builder_disk_destroy(struct builder_disk *disk);

/* Fails, with "no-space", when so little of the folder's disk is free that the machine itself may suffer. */
int builder_disk_check_free(const struct builder_disk *disk, struct error *err);

/* Measures the folder in the background and reports from the event loop; a measurement under way reports no
 * more. */
void builder_disk_measure(struct builder_disk *disk, builder_disk_fn *done, void *owner);

/* True when it has been long enough since the last measurement, as measured by how long that took. */
bool builder_disk_is_due(const struct builder_disk *disk);

#endif
