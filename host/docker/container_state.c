#include "base/alloc.h"
#include "docker/answer.h"
#include "docker/container.h"

#include <stdlib.h>

static const char *without_slash(const char *name)
{
    return *name == '/' ? name + 1 : name;
}

static const char *read_address(const json_t *root)
{
    json_t *networks = json_object_get(json_object_get(root, "NetworkSettings"), "Networks");
    const char *name;
    json_t *network;
    json_object_foreach(networks, name, network)
    {
        const char *address = answer_text(network, "IPAddress");
        if (*address)
            return address;
    }
    return "";
}

static void read_state(const json_t *root, struct docker_state *ret_state)
{
    const json_t *state = json_object_get(root, "State");
    *ret_state = (struct docker_state){
        .id = answer_text(root, "Id"),
        .name = without_slash(answer_text(root, "Name")),
        .status = answer_text(state, "Status"),
        .running = answer_boolean(state, "Running"),
        .oom_killed = answer_boolean(state, "OOMKilled"),
        .exit_code = (int)answer_integer(state, "ExitCode"),
        .error = answer_text(state, "Error"),
        .address = read_address(root),
        .process = (int)answer_integer(state, "Pid"),
        .labels = answer_labels(json_object_get(root, "Config"), "Labels"),
    };
}

static void finish_inspect(struct docker_call *call, const struct error *err)
{
    struct error parse_err;
    json_t *root = err ? NULL : answer_parse(call, JSON_OBJECT, &parse_err);
    struct docker_state state;
    if (root) {
        read_state(root, &state);
        if (!*state.id || !*state.status) {
            docker_failure_answer(call, &parse_err, "it describes no container");
            json_decref(root);
            root = NULL;
        }
    }
    if (root)
        call->callback.state(call->owner, NULL, &state);
    else
        call->callback.state(call->owner, err ? err : &parse_err, NULL);
    json_decref(root);
}

struct docker_call *docker_container_inspect(struct docker *docker, const char *id, docker_state_fn *done,
                                             void *owner)
{
    static const struct docker_kind kind = {.verb = "inspect container", .finish = finish_inspect};
    struct docker_call *call = docker_call_create(docker, &kind, id, owner);
    call->callback.state = done;
    docker_call_request(call, "GET", "/containers/", id, NULL, "/json");
    return docker_call_submit(call);
}

static void read_listing(const json_t *item, struct docker_listing *ret_entry)
{
    const char *name = json_string_value(json_array_get(json_object_get(item, "Names"), 0));
    *ret_entry = (struct docker_listing){
        .id = answer_text(item, "Id"),
        .name = name ? without_slash(name) : "",
        .state = answer_text(item, "State"),
        .labels = answer_labels(item, "Labels"),
    };
}

static void finish_list(struct docker_call *call, const struct error *err)
{
    struct error parse_err;
    json_t *root = err ? NULL : answer_parse(call, JSON_ARRAY, &parse_err);
    if (!root) {
        call->callback.list(call->owner, err ? err : &parse_err, NULL, 0);
        return;
    }
    size_t count = json_array_size(root);
    struct docker_listing *entries = xcalloc(count + 1, sizeof(*entries));
    for (size_t i = 0; i < count; i++)
        read_listing(json_array_get(root, i), &entries[i]);
    call->callback.list(call->owner, NULL, entries, count);
    free(entries);
    json_decref(root);
}

struct docker_call *docker_container_list(struct docker *docker, const char *const *labels,
                                          docker_list_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "list", .finish = finish_list};
    struct docker_call *call = docker_call_create(docker, &kind, "containers", owner);
    call->callback.list = done;
    docker_call_request(call, "GET", "/containers/json", NULL, NULL, NULL);
    docker_call_query(call, "all", "1");
    docker_call_query_labels(call, labels, NULL);
    return docker_call_submit(call);
}
