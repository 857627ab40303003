#include "language.h"

#include <string.h>

/* The length of the UTF-8 character at `at`, or 0: there is none, or it is a control character. */
static size_t character_length(const unsigned char *at)
{
    static const struct {
        unsigned char first, last; /* of the lead byte */
        size_t length;
        unsigned char second_first, second_last;
    } forms[] = {
        {0x20, 0x7e, 1, 0, 0},       {0xc3, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
        {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
        {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
        {0xc2, 0xc2, 2, 0xa0, 0xbf}, /* what is below are control characters */
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last)
            continue;
        if (forms[i].length > 1 && (at[1] < forms[i].second_first || at[1] > forms[i].second_last))
            return 0;
        for (size_t next = 2; next < forms[i].length; next++)
            if (at[next] < 0x80 || at[next] > 0xbf)
                return 0;
        return forms[i].length;
    }
    return 0;
}

void text_clean(char *text)
{
    while (*text) {
        size_t length = character_length((const unsigned char *)text);
        if (length == 0)
            *text = '?';
        text += length > 0 ? length : 1;
    }
}

bool text_is_clean(const char *text)
{
    while (*text) {
        size_t length = character_length((const unsigned char *)text);
        if (length == 0)
            return false;
        text += length;
    }
    return true;
}
