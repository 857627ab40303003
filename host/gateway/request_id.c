#include "gateway/request_id.h"

bool request_id_is_sane(struct http_text text)
{
    if (text.length == 0 || text.length > REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && !memchr("-_.:+/=@~", c, 9))
            return false;
    }
    return true;
}

static void write_hex(char *text, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 15; i >= 0; i--, value >>= 4)
        text[i] = digits[value & 15];
}

void request_id_make(char *ret_text, uint64_t high, uint64_t low)
{
    write_hex(ret_text, high);
    write_hex(ret_text + REQUEST_ID_MADE / 2, low);
}
