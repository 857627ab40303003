#include "base/tally.h"

#include "base/alloc.h"

#include <stdlib.h>

void tally_add(struct tally *tally, uint32_t kind)
{
    for (size_t i = 0; i < tally->length; i++) {
        if (tally->rows[i].kind == kind) {
            tally->rows[i].count++;
            return;
        }
    }
    tally->rows = xgrow(tally->rows, tally->length, sizeof(*tally->rows));
    tally->rows[tally->length++] = (struct tally_row){.kind = kind, .count = 1};
}

void tally_clear(struct tally *tally)
{
    free(tally->rows);
    *tally = (struct tally){0};
}
