#include "docker/network.h"

#include "base/alloc.h"
#include "docker/answer.h"
#include "docker/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_DIGITS 12 /* of a network's id, in the name of its bridge */

struct interface {
    char name[sizeof("br-") + ID_DIGITS];
};

static void finish_id(struct docker_call *call, const struct error *err)
{
    answer_report_id(call, err, "Id");
}

static const struct docker_kind inspect_kind = {.verb = "inspect network", .finish = finish_id};

/* CheckDuplicate makes engines before 25 refuse a second network of the same name; later ones always do. */
static json_t *network_spec(const struct docker_network *network)
{
    json_t *root = json_object();
    int failed = json_object_set_new(root, "Name", json_string(network->name));
    failed |= json_object_set_new(root, "Driver", json_string("bridge"));
    failed |= json_object_set_new(root, "CheckDuplicate", json_true());
    failed |= json_object_set_new(root, "Labels", answer_from_pairs(network->labels, network->label_count));
    failed |= json_object_set_new(root, "Options",
                                  json_pack("{s:s}", "com.docker.network.bridge.enable_icc", "false"));
    if (!failed)
        return root;
    json_decref(root);
    return NULL;
}

static void request_create(struct docker_call *call)
{
    docker_call_request(call, "POST", "/networks/create", NULL, NULL, NULL);
}

static void request_inspect(struct docker_call *call)
{
    docker_call_request(call, "GET", "/networks/", call->subject, NULL, NULL);
}

static struct docker_call *network_call(struct docker *docker, const struct docker_kind *kind,
                                        const char *name, docker_network_fn *done, void *owner)
{
    struct docker_call *call = docker_call_create(docker, kind, name, owner);
    call->callback.id = done;
    return call;
}

/* Somebody else may have made it in between: then it is there after all. */
static void finish_ensure_create(struct docker_call *call, const struct error *err)
{
    if (!err || err->code != ERROR_CONFLICT) {
        finish_id(call, err);
        return;
    }
    docker_call_renew(call, &inspect_kind);
    request_inspect(call);
    docker_call_submit(call);
}

static void finish_ensure_inspect(struct docker_call *call, const struct error *err)
{
    static const struct docker_kind kind = {.verb = "create network", .finish = finish_ensure_create};
    if (!err || err->code != ERROR_NOT_FOUND) {
        finish_id(call, err);
        return;
    }
    docker_call_renew(call, &kind);
    request_create(call);
    docker_call_submit(call);
}

struct docker_call *docker_network_ensure(struct docker *docker, const struct docker_network *network,
                                          docker_network_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "inspect network", .finish = finish_ensure_inspect};
    struct docker_call *call = network_call(docker, &kind, network->name, done, owner);
    docker_call_set_body(call, network_spec(network));
    request_inspect(call);
    return docker_call_submit(call);
}

struct docker_call *docker_network_remove(struct docker *docker, const char *id, docker_done_fn *done,
                                          void *owner)
{
    static const struct docker_kind kind = {.verb = "remove network", .finish = docker_call_finish_plain};
    struct docker_call *call = docker_call_create(docker, &kind, id, owner);
    call->callback.done = done;
    docker_call_request(call, "DELETE", "/networks/", id, NULL, NULL);
    return docker_call_submit(call);
}

static const char *gateway_of(const json_t *network)
{
    const json_t *configs = json_object_get(json_object_get(network, "IPAM"), "Config");
    return answer_text(json_array_get(configs, 0), "Gateway");
}

/* The engine names a network's bridge after it, unless it was told another name. */
static void read_network(const json_t *item, struct interface *interface,
                         struct docker_network_listing *ret_entry)
{
    *ret_entry = (struct docker_network_listing){.id = answer_text(item, "Id"),
                                                 .name = answer_text(item, "Name"),
                                                 .gateway = gateway_of(item),
                                                 .labels = answer_labels(item, "Labels"),
                                                 .interface = ""};
    if (strcmp(answer_text(item, "Driver"), "bridge") != 0)
        return;
    snprintf(interface->name, sizeof(interface->name), "br-%.*s", ID_DIGITS, ret_entry->id);
    const char *told = answer_text(json_object_get(item, "Options"), "com.docker.network.bridge.name");
    ret_entry->interface = *told ? told : interface->name;
}

static void finish_networks(struct docker_call *call, const struct error *err)
{
    struct error parse_err;
    json_t *root = err ? NULL : answer_parse(call, JSON_ARRAY, &parse_err);
    if (!root) {
        call->callback.networks(call->owner, err ? err : &parse_err, NULL, 0);
        return;
    }
    size_t count = json_array_size(root);
    struct docker_network_listing *entries = xcalloc(count + 1, sizeof(*entries));
    struct interface *interfaces = xcalloc(count + 1, sizeof(*interfaces));
    for (size_t i = 0; i < count; i++)
        read_network(json_array_get(root, i), &interfaces[i], &entries[i]);
    call->callback.networks(call->owner, NULL, entries, count);
    free(interfaces);
    free(entries);
    json_decref(root);
}

struct docker_call *docker_network_list(struct docker *docker, docker_networks_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "list", .finish = finish_networks};
    struct docker_call *call = docker_call_create(docker, &kind, "networks", owner);
    call->callback.networks = done;
    docker_call_request(call, "GET", "/networks", NULL, NULL, NULL);
    return docker_call_submit(call);
}
