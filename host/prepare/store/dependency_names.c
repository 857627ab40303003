#include "prepare/store/dependency_names.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"

#include <sodium.h>
#include <string.h>

#define SECRET        "dependencies-secret"
#define SECRET_DIGITS (HASH_HEX_SIZE - 1)

_Static_assert(SECRET_DIGITS >= crypto_generichash_KEYBYTES_MIN &&
                   SECRET_DIGITS <= crypto_generichash_KEYBYTES_MAX,
               "the digits are the key");

bool dependency_names_read(const char *state, struct dependency_names *ret_names)
{
    cleanup_free char *path = xasprintf("%s/" SECRET, state);
    cleanup_free char *text = NULL;
    if (fs_read_file(path, SECRET_DIGITS, &text, NULL, NULL) < 0 || !hash_is_digest(text))
        return false;
    memcpy(ret_names->secret, text, sizeof(ret_names->secret));
    return true;
}

void dependency_names_make(struct dependency_names *ret_names)
{
    ident_random(ret_names->secret, SECRET_DIGITS);
}

int dependency_names_write(const char *state, const struct dependency_names *names, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/" SECRET, state);
    return fs_write_file(path, names->secret, SECRET_DIGITS, 0600, err);
}

void dependency_names_get(const struct dependency_names *names, const char *key, char ret_name[HASH_HEX_SIZE])
{
    unsigned char digest[(HASH_HEX_SIZE - 1) / 2];
    crypto_generichash(digest, sizeof(digest), (const unsigned char *)key, strlen(key),
                       (const unsigned char *)names->secret, SECRET_DIGITS);
    sodium_bin2hex(ret_name, HASH_HEX_SIZE, digest, sizeof(digest));
}
