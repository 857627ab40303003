/* The metrics of the host as a whole: what instances take, Docker, and this process. */
#include "admin/metrics_inside.h"

#include "base/rfc3339.h"
#include "calls/call_counts.h"
#include "calls/calls.h"
#include "docker/docker.h"
#include "fleet/fleet.h"
#include "store/log_store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void tell_number(struct metric_sink *sink, double value)
{
    static const struct metric_labels none = {0};
    sink->number(sink, &none, value);
}

/* --- instances --- */

static void tell_instances(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_number(sink, fleet_current_budget(sources->fleet)->instances);
}

static void tell_instances_max(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_number(sink, fleet_current_budget(sources->fleet)->max_instances);
}

static void tell_memory(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_number(sink, (double)fleet_current_budget(sources->fleet)->memory_bytes);
}

static void tell_memory_max(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_number(sink, (double)fleet_current_budget(sources->fleet)->max_memory_bytes);
}

static void tell_prewarmed(const struct metrics_sources *sources, struct metric_sink *sink)
{
    unsigned instances;
    uint64_t memory_bytes;
    fleet_prewarmed(sources->fleet, &instances, &memory_bytes);
    tell_number(sink, instances);
}

static void tell_prewarmed_memory(const struct metrics_sources *sources, struct metric_sink *sink)
{
    unsigned instances;
    uint64_t memory_bytes;
    fleet_prewarmed(sources->fleet, &instances, &memory_bytes);
    tell_number(sink, (double)memory_bytes);
}

static void tell_spare_networks(const struct metrics_sources *sources, struct metric_sink *sink)
{
    unsigned spare, joined;
    fleet_networks(sources->fleet, &spare, &joined);
    tell_number(sink, spare);
}

static void tell_joined_networks(const struct metrics_sources *sources, struct metric_sink *sink)
{
    unsigned spare, joined;
    fleet_networks(sources->fleet, &spare, &joined);
    tell_number(sink, joined);
}

static void tell_libraries(const struct metrics_sources *sources, struct metric_sink *sink)
{
    struct fleet_warmth warmth;
    fleet_warmth(sources->fleet, &warmth);
    tell_number(sink, warmth.instances);
}

static void tell_libraries_memory(const struct metrics_sources *sources, struct metric_sink *sink)
{
    struct fleet_warmth warmth;
    fleet_warmth(sources->fleet, &warmth);
    tell_number(sink, (double)warmth.memory_bytes);
}

static void tell_libraries_memory_max(const struct metrics_sources *sources, struct metric_sink *sink)
{
    struct fleet_warmth warmth;
    fleet_warmth(sources->fleet, &warmth);
    tell_number(sink, (double)warmth.max_memory_bytes);
}

/* --- what functions write --- */

static void tell_lines_dropped(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_number(sink, (double)log_store_dropped(sources->logs));
}

/* --- what is done later --- */

static void tell_oldest_call(const struct metrics_sources *sources, struct metric_sink *sink)
{
    if (!sources->calls)
        return;
    uint64_t since_ms =
        atomic_load_explicit(&calls_counts(sources->calls)->oldest_waiting_ms, memory_order_relaxed);
    uint64_t now_ms = wall_clock_ms();
    tell_number(sink, since_ms > 0 && now_ms > since_ms ? (double)(now_ms - since_ms) / 1e3 : 0);
}

static void tell_waiting_calls_max(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_number(sink, sources->host->calls_max);
}

static void tell_calls_disk_max(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_number(sink, (double)sources->host->calls_disk_bytes);
}

/* --- Docker --- */

static double calls(const struct docker_count *count)
{
    return (double)count->calls;
}

static double failed_calls(const struct docker_count *count)
{
    return (double)count->failed;
}

static double seconds(const struct docker_count *count)
{
    return (double)count->took_ms / 1e3;
}

static void tell_docker(const struct metrics_sources *sources, double (*value)(const struct docker_count *),
                        struct metric_sink *sink)
{
    size_t count;
    const struct docker_count *counts = docker_counts(fleet_docker(sources->fleet), &count);
    for (size_t i = 0; i < count; i++) {
        const struct metric_labels labels = {.more = {{"call", counts[i].verb}}};
        sink->number(sink, &labels, value(&counts[i]));
    }
}

static void tell_calls(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_docker(sources, calls, sink);
}

static void tell_failed_calls(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_docker(sources, failed_calls, sink);
}

static void tell_call_seconds(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_docker(sources, seconds, sink);
}

/* --- the process --- */

static void tell_build(const struct metrics_sources *sources, struct metric_sink *sink)
{
    (void)sources;
    static const struct metric_labels labels = {.more = {{"version", BERTH_VERSION}}};
    sink->number(sink, &labels, 1);
}

static void tell_resident_memory(const struct metrics_sources *sources, struct metric_sink *sink)
{
    (void)sources;
    char sizes[128]; /* in pages: all, then what is resident */
    FILE *file = fopen("/proc/self/statm", "re");
    char *second = file && fgets(sizes, sizeof(sizes), file) ? strchr(sizes, ' ') : NULL;
    if (second)
        tell_number(sink, strtod(second, NULL) * (double)sysconf(_SC_PAGESIZE));
    if (file)
        fclose(file);
}

static void tell_cpu(const struct metrics_sources *sources, struct metric_sink *sink)
{
    (void)sources;
    struct timespec used;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
        tell_number(sink, (double)used.tv_sec + (double)used.tv_nsec / 1e9);
}

/* Without the one that it reads them by. */
static void tell_open_files(const struct metrics_sources *sources, struct metric_sink *sink)
{
    (void)sources;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return;
    unsigned count = 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    tell_number(sink, count - 1);
}

static void tell_max_files(const struct metrics_sources *sources, struct metric_sink *sink)
{
    (void)sources;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        tell_number(sink, (double)limit.rlim_cur);
}

static void tell_start(const struct metrics_sources *sources, struct metric_sink *sink)
{
    tell_number(sink, (double)sources->started_s);
}

const struct host_metric host_metrics[] = {
    {{"berth_instances", METRIC_GAUGE, "Containers of this host, prewarmed ones included."}, tell_instances},
    {{"berth_instances_max", METRIC_GAUGE, "How many there may be."}, tell_instances_max},
    {{"berth_instances_memory_bytes", METRIC_GAUGE, "Sum of their memory limits."}, tell_memory},
    {{"berth_instances_memory_max_bytes", METRIC_GAUGE, "What that sum may be at most."}, tell_memory_max},
    {{"berth_prewarmed_instances", METRIC_GAUGE, "Containers that wait for a function."}, tell_prewarmed},
    {{"berth_prewarmed_memory_bytes", METRIC_GAUGE, "Sum of their memory limits."}, tell_prewarmed_memory},
    {{"berth_spare_networks", METRIC_GAUGE, "Networks made ahead that no instance has joined."},
     tell_spare_networks},
    {{"berth_joined_networks", METRIC_GAUGE, "Networks made ahead that an instance has joined."},
     tell_joined_networks},
    {{"berth_prewarmed_library_instances", METRIC_GAUGE,
      "Those of them that have loaded a function's libraries, or are about to."},
     tell_libraries},
    {{"berth_prewarmed_library_memory_bytes", METRIC_GAUGE, "Memory that those are planned to use."},
     tell_libraries_memory},
    {{"berth_prewarmed_library_memory_max_bytes", METRIC_GAUGE, "What that may be at most."},
     tell_libraries_memory_max},
    {{"berth_log_lines_dropped_total", METRIC_COUNTER,
      "Lines of functions that are missing in the kept logs because the disk was too slow."},
     tell_lines_dropped},
    {{"berth_calls_oldest_age_seconds", METRIC_GAUGE,
      "How long the async call that waits longest has waited; 0: none waits."},
     tell_oldest_call},
    {{"berth_calls_waiting_max", METRIC_GAUGE, "How many async calls may wait."}, tell_waiting_calls_max},
    {{"berth_calls_bytes_max", METRIC_GAUGE, "What async calls may take on disk."}, tell_calls_disk_max},
    {{"berth_docker_calls_total", METRIC_COUNTER, "What the Docker Engine was asked for."}, tell_calls},
    {{"berth_docker_calls_failed_total", METRIC_COUNTER, "Those of them that ended with an error."},
     tell_failed_calls},
    {{"berth_docker_call_seconds_total", METRIC_COUNTER, "How long they took, all together."},
     tell_call_seconds},
    {{"berth_build_info", METRIC_GAUGE, "Always 1; the version is in the label."}, tell_build},
    {{"process_resident_memory_bytes", METRIC_GAUGE, "Memory of the daemon that is in RAM."},
     tell_resident_memory},
    {{"process_cpu_seconds_total", METRIC_COUNTER, "Processor time that the daemon has used."}, tell_cpu},
    {{"process_open_fds", METRIC_GAUGE, "File descriptors that the daemon has open."}, tell_open_files},
    {{"process_max_fds", METRIC_GAUGE, "How many it may have."}, tell_max_files},
    {{"process_start_time_seconds", METRIC_GAUGE, "When the daemon was started, in seconds since 1970."},
     tell_start},
};

const size_t host_metric_count = sizeof(host_metrics) / sizeof(host_metrics[0]);
