#include "prepare/store/sealed_file.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/redact.h"

#include <string.h>

int sealed_damaged(struct error *err, const char *what)
{
    return error_set(err, ERROR_CHANGED, "it is damaged: %s", what);
}

static void digest_of(const char *text, size_t size, char ret_hex[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    hash_update(hash, text, size);
    hash_finish(hash, ret_hex);
}

int sealed_parse(const char *text, size_t size, json_t **ret_json, struct error *err)
{
    const size_t head = HASH_HEX_SIZE; /* the digest and a newline */
    char digest[HASH_HEX_SIZE];
    if (size < head || text[head - 1] != '\n')
        return sealed_damaged(err, "its first line is no digest");
    digest_of(text + head, size - head, digest);
    if (memcmp(digest, text, head - 1) != 0)
        return sealed_damaged(err, "it is not what its digest says");
    json_t *json = json_loadb(text + head, size - head, JSON_REJECT_DUPLICATES, NULL);
    if (!json)
        return sealed_damaged(err, "it is no JSON");
    *ret_json = json;
    return 0;
}

int sealed_read(const char *path, json_t **ret_json, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size;
    if (fs_read_file(path, SEALED_FILE_MAX, &text, &size, err) < 0)
        return -1;
    return sealed_parse(text, size, ret_json, err);
}

char *sealed_text(const json_t *json)
{
    cleanup_free char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (!body)
        return NULL;
    char digest[HASH_HEX_SIZE];
    digest_of(body, strlen(body), digest);
    return xasprintf("%s\n%s", digest, body);
}

void sealed_write_now(const char *path, const char *text)
{
    struct error err;
    cleanup_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    if (fs_make_dirs(folder, 0700, &err) < 0 || fs_write_file(path, text, strlen(text), 0600, &err) < 0)
        log_warning("state.write-failed", LOG_STR("path", path), LOG_ERR(&err));
}

struct writing {
    char *path, *text;
};

static void write_it(void *context)
{
    const struct writing *writing = context;
    sealed_write_now(writing->path, writing->text);
}

static void on_written(void *context, bool ran)
{
    struct writing *writing = context;
    if (!ran)
        write_it(writing);
    free(writing->path);
    free(writing->text);
    free(writing);
}

void sealed_write(struct background *background, const char *path, char *text)
{
    struct writing *writing = xcalloc(1, sizeof(*writing));
    *writing = (struct writing){.path = xstrdup(path), .text = text};
    background_run(background, write_it, on_written, writing);
}

bool sealed_has_password(const json_t *json)
{
    cleanup_free char *body = json_dumps(json, JSON_COMPACT);
    cleanup_free char *redacted = body ? xstrdup(body) : NULL;
    if (!redacted)
        return false;
    redact_urls(redacted);
    return strcmp(redacted, body) != 0;
}

bool sealed_is_left_over(const char *name)
{
    return strchr(name, '.') != NULL;
}
