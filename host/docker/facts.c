#include "docker/facts.h"

#include "base/alloc.h"
#include "docker/answer.h"
#include "docker/call.h"

#include <string.h>

/* Whether `options` ("name=seccomp,profile=default", "name=rootless") have one of that name. */
static bool has_option(const json_t *options, const char *name)
{
    size_t i, length = strlen(name);
    const json_t *option;
    json_array_foreach(options, i, option)
    {
        const char *text = json_string_value(option);
        if (text && strncmp(text, "name=", 5) == 0 && strncmp(text + 5, name, length) == 0 &&
            (text[5 + length] == ',' || !text[5 + length]))
            return true;
    }
    return false;
}

/* The names of an object's members. The caller frees each and the array. */
static char **names_of(json_t *object)
{
    char **names = xcalloc(json_object_size(object) + 1, sizeof(*names));
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) names[count++] = xstrdup(name);
    return names;
}

static void report(const struct docker_call *call, const json_t *info)
{
    const json_t *options = json_object_get(info, "SecurityOptions");
    const struct docker_facts facts = {.runtimes = names_of(json_object_get(info, "Runtimes")),
                                       .has_seccomp = has_option(options, "seccomp"),
                                       .remaps_users = has_option(options, "userns"),
                                       .is_rootless = has_option(options, "rootless")};
    call->docker->lacks_seccomp = !facts.has_seccomp;
    call->docker->remaps_users = facts.remaps_users;
    call->callback.facts(call->owner, NULL, &facts);
    texts_free(facts.runtimes);
}

static void finish(struct docker_call *call, const struct error *err)
{
    struct error parse_err;
    json_t *info = err ? NULL : answer_parse(call, JSON_OBJECT, &parse_err);
    if (info)
        report(call, info);
    else
        call->callback.facts(call->owner, err ? err : &parse_err, NULL);
    json_decref(info);
}

struct docker_call *docker_facts_ask(struct docker *docker, docker_facts_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "ask for", .finish = finish};
    struct docker_call *call = docker_call_create(docker, &kind, "what the engine can do", owner);
    call->callback.facts = done;
    docker_call_request(call, "GET", "/info", NULL, NULL, NULL);
    return docker_call_submit(call);
}
