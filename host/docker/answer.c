#include "docker/answer.h"

#include "base/strbuf.h"

json_t *answer_parse(const struct docker_call *call, json_type type, struct error *err)
{
    json_error_t cause;
    json_t *root = json_loadb(strbuf_text(&call->answer), call->answer.length, 0, &cause);
    if (root && json_typeof(root) == type)
        return root;
    docker_failure_answer(call, err, root ? "unexpected type of JSON" : cause.text);
    json_decref(root);
    return NULL;
}

const char *answer_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

int64_t answer_integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool answer_boolean(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const struct docker_labels *answer_labels(const json_t *object, const char *key)
{
    const json_t *labels = json_object_get(object, key);
    return json_is_object(labels) ? (const struct docker_labels *)labels : NULL;
}

json_t *answer_from_pairs(const struct docker_pair *pairs, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        const char *value = pairs[i].value ? pairs[i].value : "";
        if (json_object_set_new(object, pairs[i].name, json_string(value)) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

void answer_report_id(struct docker_call *call, const struct error *err, const char *key)
{
    struct error parse_err;
    json_t *root = err ? NULL : answer_parse(call, JSON_OBJECT, &parse_err);
    const char *id = answer_text(root, key);
    if (!err && root && !*id)
        docker_failure_answer(call, &parse_err, "it names no id");
    if (*id)
        call->callback.id(call->owner, NULL, id);
    else
        call->callback.id(call->owner, err ? err : &parse_err, NULL);
    json_decref(root);
}
