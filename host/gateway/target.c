#include "gateway/target.h"

#define RESERVED       "/.berth/"
#define FUNCTION       "function"
#define ASYNC_FUNCTION "async-function"
#define ASYNC          "async"

/* The first segment of a path that begins with "/", without the slash. */
static struct http_text first_segment(struct http_text path)
{
    if (path.length == 0)
        return path;
    const char *slash = memchr(path.data + 1, '/', path.length - 1);
    size_t length = slash ? (size_t)(slash - path.data) : path.length;
    return http_text_make(path.data + 1, length - 1);
}

static struct http_text without_namespace(struct http_text name)
{
    static const char ending[] = "." FUNCTION_NAMESPACE;
    const size_t length = sizeof(ending) - 1;
    if (name.length <= length || memcmp(name.data + name.length - length, ending, length) != 0)
        return name;
    return http_text_make(name.data, name.length - length);
}

/* What is left of path and query behind `at`, where the path goes on. */
static void set_rest(struct target *target, const struct http_head *head, const char *at)
{
    struct http_text path = http_head_text(head, head->path);
    const char *end = path.data + path.length + head->query.length;
    target->prefix = http_text_make(path.data, (size_t)(at - path.data));
    target->rest = http_text_make(at, (size_t)(end - at));
}

enum target_kind target_split(const struct http_head *head, struct target *ret_target)
{
    struct http_text path = http_head_text(head, head->path);
    struct http_text name = first_segment(path);
    ret_target->by_contract = http_text_equal(name, HTTP_TEXT(FUNCTION));
    ret_target->is_async = http_text_equal(name, HTTP_TEXT(ASYNC_FUNCTION));
    bool below = ret_target->by_contract || ret_target->is_async;
    if (http_text_equal(name, HTTP_TEXT(ASYNC))) {
        ret_target->name = HTTP_TEXT("");
        set_rest(ret_target, head, name.data + name.length);
        return TARGET_CALL;
    }
    if (below) {
        size_t skipped = name.length + 1;
        name = first_segment(http_text_make(path.data + skipped, path.length - skipped));
    }
    if (name.length == 0)
        return TARGET_ROOT;

    set_rest(ret_target, head, name.data + name.length);
    ret_target->name = below ? without_namespace(name) : name;
    if (ret_target->rest.length >= sizeof(RESERVED) - 1 &&
        memcmp(ret_target->rest.data, RESERVED, sizeof(RESERVED) - 1) == 0)
        return TARGET_RESERVED;
    return TARGET_FUNCTION;
}
