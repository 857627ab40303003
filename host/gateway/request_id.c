#include "gateway/request_id.h"

#include <assert.h>

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

/* The eight digits of a number in the order of its bytes, all at once: each nibble gets a byte and becomes a
 * digit there. */
static uint64_t hex_digits(uint32_t value)
{
    const uint64_t each = 0x0101010101010101;
    uint64_t n = __builtin_bswap32(value);
    n = (n | n << 16) & 0x0000ffff0000ffff;
    n = (n | n << 8) & 0x00ff00ff00ff00ff;
    n = (n >> 4 | n << 8) & 0x0f * each;
    uint64_t letters = ((n + 6 * each) >> 4) & each; /* 1 where the nibble is above 9 */
    return n + '0' * each + letters * ('a' - '0' - 10);
}

void request_id_make(char *ret_text, uint64_t high, uint64_t low)
{
    uint64_t digits[4] = {hex_digits((uint32_t)(high >> 32)), hex_digits((uint32_t)high),
                          hex_digits((uint32_t)(low >> 32)), hex_digits((uint32_t)low)};
    static_assert(sizeof(digits) == REQUEST_ID_MADE, "a digit is a byte");
    memcpy(ret_text, digits, sizeof(digits));
}
