#include "base/utf8.h"

#include <stddef.h>

/* Well-formed sequences by their first byte: how long they are, and which second byte they may have. */
static const struct {
    unsigned char first, last; /* of the first byte */
    unsigned char length;
    unsigned char second_min, second_max;
} forms[] = {
    {0x01, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* The length of the sequence that begins here; 0: none does. The text's NUL is no continuation byte. */
static size_t sequence_length(const unsigned char *text)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (text[0] < forms[i].first || text[0] > forms[i].last)
            continue;
        if (forms[i].length > 1 && (text[1] < forms[i].second_min || text[1] > forms[i].second_max))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((text[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

void utf8_repair(char *text)
{
    unsigned char *byte = (unsigned char *)text;
    while (*byte) {
        size_t length = sequence_length(byte);
        if (length == 0) {
            *byte = '?';
            length = 1;
        }
        byte += length;
    }
}
