#include "fleet/revision/revision_inside.h"

unsigned revision_prewarmed_ready(const struct revision *revision)
{
    return (revision->libraries ? prewarm_ready(revision->libraries) : 0) +
           (revision->prewarm ? prewarm_ready(revision->prewarm) : 0);
}

bool revision_has_prewarmed(const struct revision *revision)
{
    return (revision->libraries && prewarm_ready(revision->libraries) > 0) ||
           (revision->prewarm && prewarm_available(revision->prewarm) > 0);
}

struct prewarm_pool *revision_pool_to_take(const struct revision *revision, struct instance **ret_instance)
{
    *ret_instance = revision->libraries ? prewarm_next(revision->libraries) : NULL;
    if (*ret_instance)
        return revision->libraries;
    *ret_instance = revision->prewarm ? prewarm_next(revision->prewarm) : NULL;
    return revision->prewarm;
}
