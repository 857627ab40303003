#include "base/hash.h"

#include "base/alloc.h"

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hash {
    struct sha256_ctx context;
};

struct hash *hash_create(void)
{
    struct hash *hash = xcalloc(1, sizeof(*hash));
    sha256_init(&hash->context);
    return hash;
}

void hash_update(struct hash *hash, const void *bytes, size_t size)
{
    sha256_update(&hash->context, size, bytes);
}

void hash_update_text(struct hash *hash, const char *text)
{
    uint64_t length = text ? strlen(text) : UINT64_MAX;
    hash_update(hash, &length, sizeof(length));
    if (text)
        hash_update(hash, text, length);
}

void hash_finish(struct hash *hash, char ret_hex[HASH_HEX_SIZE])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&hash->context, sizeof(digest), digest);
    free(hash);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

bool hash_is_digest(const char *text)
{
    return strlen(text) == HASH_HEX_SIZE - 1 && strspn(text, "0123456789abcdef") == HASH_HEX_SIZE - 1;
}
