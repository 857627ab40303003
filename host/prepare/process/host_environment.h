/* What of the daemon's own environment goes into builds: proxies, mirrors and CA certificates, so that they
 * work where the machine itself does. */
#ifndef PREPARE_PROCESS_HOST_ENVIRONMENT_H
#define PREPARE_PROCESS_HOST_ENVIRONMENT_H

#include "base/error.h"
#include "docker/docker.h"

#include <stdbool.h>
#include <stddef.h>

#define HOST_PROXIES_MAX 8

/* Where the machine's CA certificates are mounted in builder containers. */
#define HOST_CA_TARGET "/etc/ssl/certs/ca-certificates.crt"

/* The proxy variables that are set, upper and lower case. Names are static, values belong to the environment.
 * Returns how many. */
size_t host_environment_proxies(struct docker_pair ret_pairs[HOST_PROXIES_MAX]);

/* The file with this machine's CA certificates (SSL_CERT_FILE, else the distribution's), or NULL when there
 * is none. The caller frees it. */
char *host_environment_ca_file(void);

/* A growing environment of "NAME=value" ended by NULL. */
struct environment {
    char **entries; /* NULL while empty */
    size_t count;
};

/* Adds an entry unless there is one of that name. */
void environment_add(struct environment *environment, const char *name, const char *value);
void environment_add_entry(struct environment *environment, const char *entry);

/* Writes it for a shell to read, into a new file that nobody but `uid` may read; "bad-name" for a variable
 * that no shell takes. */
int environment_write(const struct environment *environment, const char *path, unsigned uid, unsigned gid,
                      struct error *err);

void environment_clear(struct environment *environment);

/* Adds what an installer needs to know: proxies, package mirrors and, with `ca`, where the certificates are.
 */
void host_environment_add_installer(struct environment *environment, bool ca);

#endif
