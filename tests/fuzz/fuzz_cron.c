/* Expressions of cron on arbitrary bytes: one that is read has times, each after the one before, also over
 * changes of clocks; what is wrong with another one stands in it. */
#include "config/cron.h"

#include <stdlib.h>
#include <string.h>

#define AUTUMN_MS 1792886000000ull /* a day before clocks are set back in Berlin */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct time_zone *zone;
    struct cron cron;
    struct cron_problem problem;
    char *text = malloc(size + 1);
    if (!zone)
        zone = time_zone_open("Europe/Berlin");
    if (!text || !zone)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    if (cron_parse(text, &cron, &problem) == 0) {
        uint64_t at = AUTUMN_MS;
        for (int i = 0; i < 50; i++) {
            uint64_t next;
            if (!cron_next(&cron, zone, at, &next) || next <= at)
                abort();
            at = next;
        }
    } else if (problem.at > strlen(text) || !*problem.message) {
        abort();
    }
    free(text);
    return 0;
}
