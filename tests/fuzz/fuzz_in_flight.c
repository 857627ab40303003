/* Whatever a killed daemon has left in a cell, the record that is made of it has whole texts. */
#include "gateway/in_flight.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint64_t now_ns = UINT64_C(1) << 40;
    int64_t shift_ns = 0;
    if (size < sizeof(shift_ns))
        return 0;
    memcpy(&shift_ns, data, sizeof(shift_ns));
    struct request_record *record =
        in_flight_read(data + sizeof(shift_ns), size - sizeof(shift_ns), shift_ns, now_ns);
    if (!record)
        return 0;
    for (size_t i = 0; i < REQUEST_TEXTS; i++) {
        if (request_text(record, i)[request_text_length(record, i)] != '\0')
            abort();
    }
    if (record->times.began_ns > now_ns || record->times.slot_ns > now_ns)
        abort();
    (void)request_phases_of(record);
    free(record);
    return 0;
}
