/*
 * Who goes when the host is full and a function wants an instance: first prewarmed instances, those of the
 * least used pool before others; then instances of other functions that are idle and above their minimum, the
 * longest idle first. A new revision that is to be tried may also take the place of an instance that it is to
 * replace. Control thread.
 */
#ifndef FLEET_ROOM_H
#define FLEET_ROOM_H

#include "fleet/function.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many instances functions want that there was no room for. */
unsigned room_wanted(struct function *const *functions, size_t count);

/* Gives up as many instances as are wanted beyond the host's room and not on their way out already. True when
 * more are wanted than could be given up: to be asked again when more have been idle for a while. */
bool room_make(struct fleet_env *env, struct function *const *functions, size_t count, uint64_t now_ms);

#endif
