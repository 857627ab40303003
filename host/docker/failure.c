#include "base/strbuf.h"
#include "docker/answer.h"
#include "docker/call.h"

#include <errno.h>
#include <string.h>

#define START_HINT "start it (systemctl start docker, or dockerd), then check with: docker info"

static void fail_connect(const struct docker_call *call, int errnum, struct error *err)
{
    const char *path = call->docker->socket_path;
    const char *cause = strerror(errnum);
    if (errnum == EACCES || errnum == EPERM) {
        error_set(err, ERROR_DOCKER_PERMISSION, "the Docker Engine's socket %s may not be opened: %s", path,
                  cause);
        error_hint(err, "run as root, or add this user to the socket's group (usually: usermod -aG docker "
                        "USER) and log in again");
        return;
    }
    error_set(err, ERROR_DOCKER_UNREACHABLE, "the Docker Engine does not answer on %s: %s", path, cause);
    error_hint(err, START_HINT);
}

void docker_failure_transfer(const struct docker_call *call, const struct outgoing_end *end,
                             struct error *err)
{
    switch (end->outcome) {
    case OUTGOING_UNREACHABLE:
        fail_connect(call, end->errnum, err);
        return;
    case OUTGOING_TIMED_OUT: /* only connecting has a limit there */
        fail_connect(call, ETIMEDOUT, err);
        return;
    case OUTGOING_CUT:
        error_set(err, ERROR_DOCKER_UNREACHABLE,
                  "cannot %s %s: the Docker Engine closed the connection in mid answer", call->kind->verb,
                  call->subject);
        error_hint(err, START_HINT);
        return;
    default:
        docker_failure_answer(call, err, end->text);
        error_hint(err, "check that the Docker Engine, and nothing else, listens on %s",
                   call->docker->socket_path);
    }
}

static enum error_code status_code(long status)
{
    static const struct {
        long status;
        enum error_code code;
    } table[] = {{404, ERROR_NOT_FOUND},
                 {408, ERROR_DOCKER_TIMEOUT},
                 {409, ERROR_CONFLICT},
                 {429, ERROR_DOCKER_ERROR}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].status == status)
            return table[i].code;
    if (status >= 500)
        return ERROR_DOCKER_ERROR;
    return status >= 400 ? ERROR_DOCKER_REQUEST : ERROR_DOCKER_ANSWER;
}

/* What the engine says in the body: the member "message", else the first line of whatever it is. */
static void engine_words(const struct docker_call *call, char *ret_text, size_t size)
{
    json_t *root = json_loadb(strbuf_text(&call->answer), call->answer.length, 0, NULL);
    const char *message = json_string_value(json_object_get(root, "message"));
    const char *text = message && *message ? message : strbuf_text(&call->answer);
    size_t length = 0;
    for (; *text && length + 1 < size && (message || *text != '\n'); text++)
        ret_text[length++] = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
    ret_text[length] = '\0';
    json_decref(root);
}

/* Whether the engine says, with whatever status, that a container's command cannot be executed: it never can.
 */
static bool is_about_the_command(const char *words)
{
    static const char *const causes[] = {"executable file not found", "no such file or directory",
                                         "permission denied", "is a directory", "exec format error"};
    const char *exec = strstr(words, "exec: ");
    for (size_t i = 0; exec && i < sizeof(causes) / sizeof(causes[0]); i++) {
        if (strstr(exec, causes[i]))
            return true;
    }
    return false;
}

void docker_failure_status(const struct docker_call *call, struct error *err)
{
    char words[512];
    engine_words(call, words, sizeof(words));
    enum error_code code = status_code(call->status);
    if (call->status == 400 && strstr(words, "client version"))
        code = ERROR_DOCKER_VERSION;
    else if (call->status >= 500 && is_about_the_command(words))
        code = ERROR_DOCKER_REQUEST;
    error_set_in(err, COMPONENT_DOCKER, code, "cannot %s %s: %s (HTTP %ld)", call->kind->verb, call->subject,
                 *words ? words : "no explanation", call->status);
    if (code == ERROR_DOCKER_VERSION)
        error_hint(err, "this Berth speaks the Engine API %s to %s", DOCKER_API_OLDEST, DOCKER_API_NEWEST);
}

int docker_failure_answer(const struct docker_call *call, struct error *err, const char *what)
{
    return error_set(err, ERROR_DOCKER_ANSWER, "cannot %s %s: the Docker Engine's answer is not usable: %s",
                     call->kind->verb, call->subject, what);
}
