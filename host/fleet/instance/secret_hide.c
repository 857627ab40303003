#include "fleet/instance/secret_hide.h"

#include "base/locked.h"
#include "fleet/instance/instance_memory.h"

#include <stdbool.h>
#include <string.h>

#define WHOLE_MIN 4 /* bytes of a value that is worth hiding */
#define PART_MIN  8 /* of what is between two characters that are written in other words */
#define MARK      "***"

/* How much of what is looked for stands here: all of it, or what there is up to the end of the text. */
static size_t match(const char *text, const char *part, size_t size)
{
    size_t length = strnlen(text, size);
    bool is_there = memcmp(text, part, length) == 0 && (length == size || length >= PART_MIN);
    return is_there ? length : 0;
}

static void hide_part(const char *part, size_t size, char *text)
{
    for (char *at = text; *at; at++) {
        size_t found = match(at, part, size);
        if (found == 0)
            continue;
        memcpy(at, MARK, strlen(MARK));
        memmove(at + strlen(MARK), at + found, strlen(at + found) + 1);
        at += strlen(MARK) - 1;
    }
}

static bool is_plain(char character)
{
    return character >= ' ' && character < 0x7f && !strchr("\"'\\", character);
}

static void hide_value(const struct locked *value, char *text)
{
    for (size_t begin = 0, end; begin < value->size; begin = end + 1) {
        for (end = begin; end < value->size && is_plain(value->bytes[end]); end++)
            continue;
        bool is_whole = begin == 0 && end == value->size;
        if (end - begin >= (is_whole ? WHOLE_MIN : PART_MIN))
            hide_part(value->bytes + begin, end - begin, text);
    }
}

void secret_hide(const struct secret_use *secrets, size_t count, const struct secret_store *store, char *text)
{
    for (size_t i = 0; i < count; i++) {
        struct error err;
        struct locked value = {0};
        if (instance_memory_reveal(store, &secrets[i], &value, &err) == 0)
            hide_value(&value, text);
        locked_clear(&value);
    }
}

void secret_hide_error(const struct secret_use *secrets, size_t count, const struct secret_store *store,
                       struct error *err)
{
    secret_hide(secrets, count, store, err->message);
    secret_hide(secrets, count, store, err->hint);
}
