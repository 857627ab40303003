#include "prepare/job/lacks.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <string.h>

void lacks_add(json_t *lacks, const char *what, int errnum)
{
    cleanup_free char *text = xasprintf("%s (%s)", what, strerror(errnum));
    json_array_append_new(lacks, json_string(text));
}
