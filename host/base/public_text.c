#include "base/public_text.h"

#include "base/alloc.h"
#include "base/redact.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

#define HIDDEN_MAX 16

/* What may stand before a path, and what ends one. */
#define BEFORE_PATH " \t\r\n\"'`([{<=,;:|>"
#define AFTER_PATH  " \t\r\n\"'`()[]{}<>,;:|"

static struct hidden {
    char *folder;
    size_t length;
    const char *stand_in;
} hidden[HIDDEN_MAX]; /* the longest first */
static size_t hidden_count;

/* What tells nothing of this host; the last are of the management port and of the public one. */
static const char *const common_folders[] = {"/bin/", "/dev/", "/usr/bin/", "/system/", "/async/"};

void public_text_hide(const char *folder, const char *stand_in)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    if (folder[0] != '/' || length < 2 || hidden_count == HIDDEN_MAX)
        return;
    size_t at = hidden_count++;
    for (; at > 0 && hidden[at - 1].length < length; at--)
        hidden[at] = hidden[at - 1];
    hidden[at] = (struct hidden){xstrndup(folder, length), length, stand_in};
}

struct output {
    char *text;
    size_t length, max;
};

static void put(struct output *output, const char *text, size_t length)
{
    size_t room = output->max - output->length;
    if (length > room)
        length = room;
    memcpy(output->text + output->length, text, length);
    output->length += length;
}

static bool ends_path(char c)
{
    return strchr(AFTER_PATH, c) != NULL; /* the NUL too */
}

/* The hidden folder that `path` is, or is below; NULL when there is none. */
static const struct hidden *find_hidden(const char *path)
{
    for (size_t i = 0; i < hidden_count; i++) {
        const char *rest = path + hidden[i].length;
        if (strncmp(path, hidden[i].folder, hidden[i].length) == 0 && (*rest == '/' || ends_path(*rest)))
            return &hidden[i];
    }
    return NULL;
}

/* Writes what stands for the folder, and leaves the rest of the path. */
static const char *put_hidden(struct output *output, const struct hidden *folder, const char *path)
{
    const char *rest = path + folder->length;
    if (folder->stand_in)
        put(output, folder->stand_in, strlen(folder->stand_in));
    else if (*rest == '/' && !ends_path(rest[1]))
        rest++;
    else
        put(output, ".", 1);
    return rest;
}

static bool is_common(const char *path)
{
    for (size_t i = 0; i < sizeof(common_folders) / sizeof(*common_folders); i++) {
        if (strncmp(path, common_folders[i], strlen(common_folders[i])) == 0)
            return true;
    }
    return false;
}

/* Writes the last component of a path that has several, or leaves the path but for its first byte. */
static const char *put_path(struct output *output, const char *path)
{
    size_t length = strcspn(path, AFTER_PATH), end = length;
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t last = end;
    while (last > 0 && path[last - 1] != '/')
        last--;
    if (last <= 1 || is_common(path)) {
        put(output, path, 1);
        return path + 1;
    }
    put(output, path + last, end - last);
    return path + length;
}

/* Past "://", and the user and password behind it. */
static const char *put_scheme_end(struct output *output, const char *at)
{
    put(output, at, 3);
    at += 3;
    const char *end = redact_find_at(at);
    if (end)
        at = end + 1;
    return *at == '/' ? put_path(output, at) : at;
}

void public_text(const char *text, char *ret_text, size_t size)
{
    struct output output = {.text = ret_text, .max = size - 1};
    for (const char *at = text; *at;) {
        const struct hidden *folder = *at == '/' ? find_hidden(at) : NULL;
        bool begins = at == text || strchr(BEFORE_PATH, at[-1]) != NULL;
        if (folder)
            at = put_hidden(&output, folder, at);
        else if (*at == '/' && begins)
            at = put_path(&output, at);
        else if (strncmp(at, "://", 3) == 0)
            at = put_scheme_end(&output, at);
        else
            put(&output, at++, 1);
    }
    ret_text[output.length] = '\0';
    utf8_repair(
        ret_text); /* what it was made from may be no text, and the last character may have been cut */
}
