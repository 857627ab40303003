/* What a preparation waits for, in words. */
#include "fleet/revision/preparation_inside.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "prepare/image/image_pull.h"
#include "prepare/image/runtime_image.h"
#include "prepare/install/dependency_install.h"
#include "prepare/process/build_job.h"

#include <stdio.h>
#include <string.h>

#define NEWS_LINE_MAX 200 /* bytes of a last line that are told */

/* "for 43 s; the last line: ...": how far something is that writes. */
static void add_progress(struct error *news, uint64_t since_ms, const char *last_line)
{
    size_t length = strlen(news->message), width = strcspn(last_line, "\n");
    snprintf(news->message + length, sizeof(news->message) - length, ", for %llu s%s%.*s",
             (unsigned long long)(clock_ms() - since_ms) / 1000, width > 0 ? "; the last line of it: " : "",
             (int)(width < NEWS_LINE_MAX ? width : NEWS_LINE_MAX), last_line);
    utf8_repair(news->message);
}

static void describe_install(const struct preparation *preparation, struct error *news)
{
    struct dependency_progress progress;
    dependency_install_progress(preparation->install, &progress);
    if (progress.stage == DEPENDENCIES_QUEUED)
        error_set(news, ERROR_QUEUED, "its dependencies wait for others to be installed");
    else if (progress.stage == DEPENDENCIES_CHECKED)
        error_set(news, ERROR_INSTALLING, "its dependencies, which are there, are being checked");
    else
        error_set(news, ERROR_INSTALLING, "its dependencies are being installed");
    add_progress(news, progress.since_ms, progress.last_line);
}

static void describe_image(const struct preparation *preparation, struct error *news)
{
    struct image_progress progress;
    runtime_image_progress(preparation->image_request, &progress);
    if (progress.building && preparation->adds_packages)
        error_set(news, ERROR_BUILDING_IMAGE, "its system packages are being installed into an image");
    else if (progress.building)
        error_set(news, ERROR_BUILDING_IMAGE, "the image of %s is being built", preparation->runtime);
    else
        error_set(news, ERROR_BUILDING_IMAGE, "Docker is being asked for the image of %s",
                  preparation->runtime);
    add_progress(news, progress.building ? progress.since_ms : preparation->phase_began_ms,
                 progress.last_line);
}

static void describe_pull(const struct preparation *preparation, struct error *news)
{
    error_set(news, ERROR_PULLING_IMAGE, "the image %s is being pulled", preparation->result->launch->image);
    add_progress(news, preparation->phase_began_ms, image_pull_last_line(preparation->pull));
}

static void describe_job(const struct preparation *preparation, struct error *news)
{
    if (preparation->restores)
        error_set(news, ERROR_PACKAGING, "the revision that served last is being looked for");
    else if (preparation->job && build_job_waits(preparation->job))
        error_set(news, ERROR_QUEUED, "its files wait for those of others to be checked and packaged");
    else
        error_set(news, ERROR_PACKAGING, "its files are being checked and packaged");
    add_progress(news, preparation->phase_began_ms, "");
}

void preparation_describe(const struct preparation *preparation, struct error *ret_news)
{
    if (preparation->install)
        describe_install(preparation, ret_news);
    else if (preparation->pull)
        describe_pull(preparation, ret_news);
    else if (preparation->image_request)
        describe_image(preparation, ret_news);
    else
        describe_job(preparation, ret_news);
}
