#include "admin/admin_handlers.h"

#include "admin/admin_waiting.h"
#include "admin/metrics.h"
#include "admin/metrics_text.h"
#include "admin/plugin_status.h"
#include "admin/reach_json.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "fleet/engine/engine.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"
#include "store/log_store.h"

#include <string.h>
#include <sys/utsname.h>

#define METRICS_MAX (64u << 20)

void get_health(struct admin_call *call)
{
    const char *waiting_for = fleet_waiting_for(call->parts->fleet);
    const struct kept_error *unusable = fleet_unusable(call->parts->fleet);
    if (unusable) {
        admin_call_text(call, HTTP_SERVUNAVAIL, unusable->message);
        return;
    }
    if (!waiting_for) {
        admin_call_text(call, HTTP_OK, "OK");
        return;
    }
    cleanup_free char *text = xasprintf("starting: waiting for %s", waiting_for);
    admin_call_text(call, HTTP_SERVUNAVAIL, text);
}

void get_metrics(struct admin_call *call)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, METRICS_MAX);
    struct metrics_text sink;
    metrics_text_init(&sink, &text);
    metrics_collect(call->parts, &sink.sink);
    admin_call_send(call, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", strbuf_text(&text),
                    text.length);
}

/* What the instances take and may take, how much of it is for functions that have not been called yet, and
 * the networks made ahead. */
static json_t *budget_json(const struct fleet *fleet)
{
    const struct budget *budget = fleet_current_budget(fleet);
    unsigned prewarmed;
    uint64_t prewarmed_bytes;
    unsigned spare, joined;
    struct fleet_warmth warmth;
    fleet_prewarmed(fleet, &prewarmed, &prewarmed_bytes);
    fleet_networks(fleet, &spare, &joined);
    fleet_warmth(fleet, &warmth);
    json_t *libraries =
        json_pack("{s:I, s:I, s:I}", "instances", (json_int_t)warmth.instances, "memory_bytes",
                  (json_int_t)warmth.memory_bytes, "max_memory_bytes", (json_int_t)warmth.max_memory_bytes);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I}", "instances",
                     (json_int_t)budget->instances, "max_instances", (json_int_t)budget->max_instances,
                     "memory_bytes", (json_int_t)budget->memory_bytes, "max_memory_bytes",
                     (json_int_t)budget->max_memory_bytes, "prewarmed", (json_int_t)prewarmed,
                     "prewarmed_memory_bytes", (json_int_t)prewarmed_bytes, "libraries", libraries,
                     "spare_networks", (json_int_t)spare, "joined_networks", (json_int_t)joined);
}

void get_info(struct admin_call *call)
{
    struct utsname machine;
    uname(&machine);
    const char *functions = gateway_address(call->parts->gateway);
    json_t *berth = budget_json(call->parts->fleet);
    json_object_set_new(berth, "functions", json_text(functions)); /* null before it listens */
    json_object_set_new(berth, "log_lines_dropped",
                        json_integer((json_int_t)log_store_dropped(call->parts->logs)));
    json_object_set_new(berth, "state_dir", json_string(call->parts->state_dir));
    json_object_set_new(berth, "run_dir", json_string(call->parts->run_dir));
    json_object_set_new(berth, "reach", reach_json(call->parts->fleet));
    json_t *version = json_pack("{s:s, s:s}", "sha", BERTH_VERSION, "release", BERTH_VERSION);
    admin_call_json(call, HTTP_OK,
                    json_pack("{s:{s:s, s:s, s:O}, s:o, s:s, s:o}", "provider", "provider", "berth",
                              "orchestration", "docker", "version", version, "version", version, "arch",
                              machine.machine, "berth", berth));
}

void get_plugins(struct admin_call *call)
{
    admin_call_json(call, HTTP_OK, plugin_status_json(fleet_plugins(call->parts->fleet)));
}

/* What has become of it: how many functions there are, which of them cannot be called, and all findings. */
static void answer_reload(struct admin_call *call)
{
    struct fleet *fleet = call->parts->fleet;
    json_t *findings = diagnostics_to_json(fleet_findings(fleet)), *broken = json_array();
    json_int_t functions = 0;
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        struct function *function = fleet_function_at(fleet, i);
        if (function_is_removed(function))
            continue;
        functions++;
        json_t *its = diagnostics_to_json(function_diagnostics(function));
        json_array_extend(findings, its);
        json_decref(its);
        if (!function_current(function))
            json_array_append_new(broken, json_string(function_name(function)));
    }
    admin_call_json(
        call, HTTP_OK,
        json_pack("{s:I, s:o, s:o}", "functions", functions, "broken", broken, "findings", findings));
}

void post_reload(struct admin_call *call)
{
    const char *wait = admin_call_query(call, "wait");
    fleet_reload(call->parts->fleet);
    if (wait && strcmp(wait, "0") != 0)
        admin_call_wait(call, answer_reload);
    else
        admin_call_json(call, ADMIN_ACCEPTED, json_pack("{s:b}", "reloading", true));
}
