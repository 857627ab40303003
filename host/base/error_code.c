#include "base/error_code.h"

#include <string.h>

static const char *const component_names[] = {[COMPONENT_NONE] = "",
#define ERROR_COMPONENT(component, name) [COMPONENT_##component] = (name),
                                              ERROR_COMPONENTS(ERROR_COMPONENT)
#undef ERROR_COMPONENT
};

static const struct {
    const char *slug;
    enum error_component component;
    int status;
    enum error_class class;
} codes[] = {[ERROR_NONE] = {.slug = ""},
#define ERROR_CODE(code, component, slug, status, class)                                                     \
    [ERROR_##code] = {slug, COMPONENT_##component, status, ERROR_CLASS_##class},
             ERROR_CODES(ERROR_CODE)
#undef ERROR_CODE
};

const char *error_component_name(enum error_component component)
{
    return component_names[component];
}

const char *error_code_slug(enum error_code code)
{
    return codes[code].slug;
}

enum error_component error_code_component(enum error_code code)
{
    return codes[code].component;
}

int error_code_status(enum error_code code)
{
    return codes[code].status;
}

enum error_class error_code_class(enum error_code code)
{
    return codes[code].class;
}

static enum error_component find_component(const char *name)
{
    int component = COMPONENT_COUNT - 1;
    while (component > COMPONENT_NONE && strcmp(component_names[component], name) != 0)
        component--;
    return (enum error_component)component;
}

static enum error_code find_code(enum error_component component, const char *slug)
{
    int code = ERROR_CODE_COUNT - 1;
    while (code > ERROR_NONE && (codes[code].component != component || strcmp(codes[code].slug, slug) != 0))
        code--;
    return (enum error_code)code;
}

int error_code_find(const char *component, const char *slug, enum error_component *ret_component,
                    enum error_code *ret_code)
{
    enum error_component found = find_component(component);
    enum error_code code = find_code(found, slug);
    if (code == ERROR_NONE)
        code = find_code(COMPONENT_NONE, slug);
    if (found == COMPONENT_NONE || code == ERROR_NONE)
        return -1;
    *ret_component = found;
    *ret_code = code;
    return 0;
}
