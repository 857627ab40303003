#include "prepare/store/secret_key.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#define MAGIC       "BERTHSE1"
#define MAGIC_SIZE  (sizeof(MAGIC) - 1)
#define ID_SIZE     8
#define NONCE_SIZE  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define HEAD_SIZE   (MAGIC_SIZE + ID_SIZE + NONCE_SIZE)
#define MASTER_SIZE crypto_kdf_KEYBYTES
#define HEX_SIZE    (2 * MASTER_SIZE)
#define CONTEXT     "berthsec" /* of crypto_kdf: 8 characters */

_Static_assert(SECRET_SEAL_SIZE == HEAD_SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES, "as said");

/* What each key that comes from the file is for. */
enum purpose { PURPOSE_SEAL = 1, PURPOSE_DIGEST, PURPOSE_ID };

struct secret_key {
    char *path;
    unsigned char id[ID_SIZE]; /* tells one file from another */
    struct locked seal, digest;
};

/* --- the file --- */

static int bad_file(const char *path, const char *why, struct error *err)
{
    error_set(err, ERROR_SECRET_KEY, "the key file of the secrets, %s, %s", path, why);
    return error_hint(err, "put the file back that the secrets were set with, and reload; without it they "
                           "have to be removed (berth secret rm) and set anew");
}

static int check_owner(const char *path, const struct stat *status, struct error *err)
{
    if (status->st_uid != geteuid() && status->st_uid != 0)
        return bad_file(path, "belongs to somebody else", err);
    if (!(status->st_mode & 077))
        return 0;
    bad_file(path, "can be read or changed by others", err);
    return error_hint(err, "chmod 600 %s", path);
}

/* Straight into memory that is locked. */
static int read_digits(const char *path, struct locked *digits, struct error *err)
{
    struct stat status;
    struct error why;
    cleanup_close int fd = -1;
    if (fs_open_plain(AT_FDCWD, path, 0, &fd, &status, &why) < 0)
        return bad_file(path, why.code == ERROR_NOT_FOUND ? "is not there" : "cannot be read", err);
    if (check_owner(path, &status, err) < 0)
        return -1;
    if (read(fd, digits->bytes, HEX_SIZE) != (ssize_t)HEX_SIZE)
        return bad_file(path, "is too short for a key", err);
    return 0;
}

static struct locked derive(const struct locked *master, enum purpose purpose)
{
    struct locked key = locked_make(MASTER_SIZE);
    crypto_kdf_derive_from_key((unsigned char *)key.bytes, MASTER_SIZE, purpose, CONTEXT,
                               (const unsigned char *)master->bytes);
    return key;
}

int secret_key_open(const char *path, struct secret_key **ret_key, struct error *err)
{
    cleanup_locked struct locked digits = locked_make(HEX_SIZE);
    cleanup_locked struct locked master = locked_make(MASTER_SIZE);
    size_t size = 0;
    if (read_digits(path, &digits, err) < 0)
        return -1;
    if (sodium_hex2bin((unsigned char *)master.bytes, MASTER_SIZE, digits.bytes, HEX_SIZE, NULL, &size,
                       NULL) < 0 ||
        size != MASTER_SIZE)
        return bad_file(path, "has something else than 64 hexadecimal digits", err);
    struct secret_key *key = xcalloc(1, sizeof(*key));
    cleanup_locked struct locked id = derive(&master, PURPOSE_ID);
    memcpy(key->id, id.bytes, ID_SIZE);
    key->path = xstrdup(path);
    key->seal = derive(&master, PURPOSE_SEAL);
    key->digest = derive(&master, PURPOSE_DIGEST);
    *ret_key = key;
    return 0;
}

void secret_key_close(struct secret_key *key)
{
    if (!key)
        return;
    locked_clear(&key->seal);
    locked_clear(&key->digest);
    free(key->path);
    free(key);
}

static int cannot_make(const char *path, struct error *err)
{
    int errnum = errno;
    error_errno(err, COMPONENT_FILES, errnum, "cannot make the key file of the secrets, %s", path);
    return error_hint(err, "secret_key_file in the section `host` says where it is");
}

static int write_key(const char *path, const char *digits, struct error *err)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return cannot_make(path, err);
    if (fs_write_all(fd, digits, HEX_SIZE) == 0 && fs_write_all(fd, "\n", 1) == 0 && fsync(fd) == 0)
        return 0;
    cannot_make(path, err);
    unlink(path);
    return -1;
}

int secret_key_make(const char *path, struct error *err)
{
    cleanup_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    cleanup_locked struct locked master = locked_make(MASTER_SIZE);
    cleanup_locked struct locked digits = locked_make(HEX_SIZE + 1);
    if (*folder && fs_make_dirs(folder, 0755, err) < 0)
        return error_prefix(err, "the key file of the secrets");
    randombytes_buf(master.bytes, MASTER_SIZE);
    sodium_bin2hex(digits.bytes, digits.size, (const unsigned char *)master.bytes, MASTER_SIZE);
    if (write_key(path, digits.bytes, err) < 0)
        return -1;
    if (fs_sync_folder(*folder ? folder : "/", err) == 0)
        return 0;
    unlink(path);
    return error_prefix(err, "the key file of the secrets");
}

/* --- what is done with it --- */

void secret_key_seal(const struct secret_key *key, const char *name, const void *value, size_t size,
                     unsigned char *ret_sealed)
{
    unsigned char *nonce = ret_sealed + MAGIC_SIZE + ID_SIZE;
    memcpy(ret_sealed, MAGIC, MAGIC_SIZE);
    memcpy(ret_sealed + MAGIC_SIZE, key->id, ID_SIZE);
    randombytes_buf(nonce, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(ret_sealed + HEAD_SIZE, NULL, value, size,
                                               (const unsigned char *)name, strlen(name), NULL, nonce,
                                               (const unsigned char *)key->seal.bytes);
}

static int damaged(const char *name, const char *why, struct error *err)
{
    error_set(err, ERROR_SECRET_DAMAGED, "what is kept of the secret \"%s\" %s", name, why);
    return error_hint(err, "set it again: berth secret set %s", name);
}

int secret_key_unseal(const struct secret_key *key, const char *name, const unsigned char *sealed,
                      size_t size, struct locked *ret_value, struct error *err)
{
    if (size < SECRET_SEAL_SIZE || memcmp(sealed, MAGIC, MAGIC_SIZE) != 0)
        return damaged(name, "is no sealed value", err);
    if (memcmp(sealed + MAGIC_SIZE, key->id, ID_SIZE) != 0) {
        cleanup_free char *why = xasprintf("is not the one that \"%s\" was sealed with", name);
        return bad_file(key->path, why, err);
    }
    struct locked value = locked_make(size - SECRET_SEAL_SIZE);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            (unsigned char *)value.bytes, NULL, NULL, sealed + HEAD_SIZE, size - HEAD_SIZE,
            (const unsigned char *)name, strlen(name), sealed + MAGIC_SIZE + ID_SIZE,
            (const unsigned char *)key->seal.bytes) < 0) {
        locked_clear(&value);
        return damaged(name, "is damaged, or was kept under another name", err);
    }
    *ret_value = value;
    return 0;
}

void secret_key_digest(const struct secret_key *key, const char *name, const void *value, size_t size,
                       char ret_hex[HASH_HEX_SIZE])
{
    unsigned char digest[(HASH_HEX_SIZE - 1) / 2];
    crypto_generichash_state state;
    crypto_generichash_init(&state, (const unsigned char *)key->digest.bytes, key->digest.size,
                            sizeof(digest));
    crypto_generichash_update(&state, (const unsigned char *)name, strlen(name) + 1);
    crypto_generichash_update(&state, value, size);
    crypto_generichash_final(&state, digest, sizeof(digest));
    sodium_memzero(&state, sizeof(state));
    sodium_bin2hex(ret_hex, HASH_HEX_SIZE, digest, sizeof(digest));
}
