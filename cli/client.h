/*
 * Requests to the daemon's management API, at --url, BERTH_URL or the socket of the usual run folder, and to
 * its functions. What goes wrong is said on standard error.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/strbuf.h"
#include "cli/command.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Asks for a path, which begins with a slash. `enum status`: with STATUS_OK the answer is one of 2xx and
 * JSON, and the caller lets go of *ret_json. */
int client_ask(const struct arguments *arguments, const char *method, const char *path, json_t **ret_json);

/* The same with JSON as its body, which it takes. */
int client_send(const struct arguments *arguments, const char *method, const char *path, json_t *body,
                json_t **ret_json);

/* The same with these bytes as its body, by PUT. */
int client_put(const struct arguments *arguments, const char *path, const void *bytes, size_t size,
               json_t **ret_json);

/* Asks, and prints the answer: as JSON with --json, else by `print`. For commands that do nothing else. */
int client_show(const struct arguments *arguments, const char *method, const char *path,
                void (*print)(const struct arguments *arguments, const json_t *answer));

enum client_poll { CLIENT_POLL_ANSWERED, CLIENT_POLL_REFUSED, CLIENT_POLL_AWAY };

/* Asks for a path again and again for something that is shown: without a word about what goes wrong, within a
 * few seconds. From any thread. When it was answered the caller lets go of *ret_json. */
enum client_poll client_poll(const struct arguments *arguments, const char *path, json_t **ret_json);

/* The same within so many seconds; of CLIENT_POLL_REFUSED *ret_json is the error, where there is one. */
enum client_poll client_poll_for(const struct arguments *arguments, const char *path, unsigned limit_s,
                                 json_t **ret_json);

/* Whether a daemon answers, without a word about it when none does. */
bool client_is_there(const struct arguments *arguments);

/* The path of something of a function: client_path("/berth/functions/%s/restart", name). The caller frees it.
 */
char *client_path(const char *format, const char *name);

#define CLIENT_PATH_MAX 4096

/* Appends "?a=b", or "&a=b", to a path. */
void client_add_parameter(struct strbuf *path, const char *name, const char *value);

/* Asks for a path whose answer is lines, and hands each on as it comes, without its newline. `enum status`.
 */
int client_read_lines(const struct arguments *arguments, const char *path,
                      void (*on_line)(const char *line, void *context), void *context);

/* Asks for a path and writes the body of its answer to `to` as it comes; an answer that says what is wrong is
 * said. *ret_zeros is how many bytes at its end are zero. `enum status`. */
int client_save(const struct arguments *arguments, const char *path, FILE *to, size_t *ret_zeros);

/* Where the functions of the daemon are called: "http://127.0.0.1:8080". The caller frees *ret_address. */
int client_functions_address(const struct arguments *arguments, char **ret_address);

/* The same of the management port, which calls private functions too, below /function: "http://localhost",
 * with the unix socket to connect to, or NULL. The caller frees both. */
void client_management_address(const struct arguments *arguments, char **ret_address, char **ret_socket);

#endif
