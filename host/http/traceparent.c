#include "http/traceparent.h"

#include "http/rules.h"

/* "VV-TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT-PPPPPPPPPPPPPPPP-FF": where the parts begin and how long they are. */
#define VERSION_AT    0
#define TRACE_AT      3
#define PARENT_AT     36
#define FLAGS_AT      53
#define PAIR_DIGITS   2
#define PARENT_DIGITS 16

static bool is_hexadecimal(const char *text, size_t digits)
{
    for (size_t i = 0; i < digits; i++) {
        if (!http_char_is_digit(text[i]) && (text[i] < 'a' || text[i] > 'f'))
            return false;
    }
    return true;
}

/* Ids of zeros only stand for none. */
static bool is_id(const char *text, size_t digits)
{
    size_t zeros = 0;
    while (zeros < digits && text[zeros] == '0')
        zeros++;
    return zeros < digits && is_hexadecimal(text, digits);
}

static bool is_version(struct http_text value)
{
    struct http_text version = http_text_make(value.data + VERSION_AT, PAIR_DIGITS);
    if (!is_hexadecimal(version.data, PAIR_DIGITS) || http_text_equal(version, HTTP_TEXT("ff")))
        return false;
    if (value.length == TRACEPARENT_LENGTH)
        return true;
    return !http_text_equal(version, HTTP_TEXT("00")) && value.data[TRACEPARENT_LENGTH] == '-';
}

bool traceparent_read(struct http_text value, struct http_text *ret_trace)
{
    const char *at = value.data;
    if (value.length < TRACEPARENT_LENGTH || !is_version(value) || at[TRACE_AT - 1] != '-' ||
        at[PARENT_AT - 1] != '-' || at[FLAGS_AT - 1] != '-' || !is_id(at + TRACE_AT, TRACE_ID_DIGITS) ||
        !is_id(at + PARENT_AT, PARENT_DIGITS) || !is_hexadecimal(at + FLAGS_AT, PAIR_DIGITS))
        return false;
    *ret_trace = http_text_make(at + TRACE_AT, TRACE_ID_DIGITS);
    return true;
}
