#include "base/hash.h"

#include "base/strbuf.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hash {
    EVP_MD_CTX *context;
};

static void must(int ok)
{
    if (ok != 1) {
        fputs("SHA-256 is not available from libcrypto\n", stderr);
        abort();
    }
}

struct hash *hash_create(void)
{
    struct hash *hash = xcalloc(1, sizeof(*hash));
    hash->context = EVP_MD_CTX_new();
    must(hash->context != NULL);
    must(EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL));
    return hash;
}

void hash_update(struct hash *hash, const void *bytes, size_t size)
{
    must(EVP_DigestUpdate(hash->context, bytes, size));
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
    unsigned char digest[32];
    must(EVP_DigestFinal_ex(hash->context, digest, NULL));
    EVP_MD_CTX_free(hash->context);
    free(hash);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}
