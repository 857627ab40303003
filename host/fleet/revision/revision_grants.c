#include "fleet/revision/revision_inside.h"

#include "base/alloc.h"
#include "config/setting_egress.h"
#include "fleet/instance/instance_grants.h"

static json_t *grants_of(const struct revision *revision, const struct container_spec *spec)
{
    const struct function_settings *settings = revision->settings;
    json_t *grants = instance_grants(revision->env, spec, settings->secrets, settings->secret_count);
    if (grants)
        json_object_set_new(grants, "egress", setting_egress_json(&settings->egress));
    return grants;
}

static json_t *own_grants(struct revision *revision)
{
    struct container_spec spec;
    char **environment;
    revision_fill_own_spec(revision, &spec, &environment);
    json_t *grants = grants_of(revision, &spec);
    texts_free(environment);
    return grants;
}

/* Its limits become the function's when it is given one. */
static json_t *prewarmed_grants(struct revision *revision)
{
    struct container_spec spec;
    if (!revision->prewarm)
        return json_null();
    revision_fill_spec(revision, &spec);
    spec.code_dir = spec.dependencies = NULL;
    spec.labels = NULL;
    spec.label_count = 0;
    return grants_of(revision, &spec);
}

json_t *revision_grants(struct revision *revision)
{
    json_t *own = revision->prepared.image ? own_grants(revision) : NULL;
    return own ? json_pack("{s:o, s:o}", "own", own, "prewarmed", prewarmed_grants(revision)) : NULL;
}
