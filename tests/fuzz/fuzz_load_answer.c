/* What a server may send to `berth load`, in two pieces and with the connection's end behind them. */
#include "cli/load/load_answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *bytes = (const char *)data + 2;
    size_t rest = size - 2, cut = data[1] < rest ? data[1] : rest;
    struct load_answer answer;
    load_answer_begin(&answer, data[0] & 1);
    enum load_reading reading = load_answer_take(&answer, bytes, cut);
    if (reading == LOAD_READING_MORE)
        reading = load_answer_take(&answer, bytes + cut, rest - cut);
    if (reading == LOAD_READING_MORE)
        reading = load_answer_finish(&answer);
    if (strlen(answer.request_id) >= LOAD_ID_SIZE || (reading == LOAD_READING_DONE) != answer.is_done)
        abort();
    return 0;
}
