#include "driver_record.h"

#include "base/error_code.h"
#include "base/json.h"

/* When a phase was over, in microseconds from the beginning; null: it never was. */
static json_t *phase_json(const struct request_record *record, uint64_t at_ns)
{
    return at_ns == 0 ? json_null() : json_integer((json_int_t)(at_ns - record->times.began_ns) / 1000);
}

json_t *driver_record_json(const struct request_record *record)
{
    const struct request_times *times = &record->times;
    json_t *json =
        json_pack("{s:i, s:i, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I}", "status",
                  record->status, "depth", record->depth, "end", request_end_name(record->end), "component",
                  error_component_name(record->component), "reason", error_code_slug(record->code), "own",
                  record->is_own, "routed", record->is_routed, "cold", record->is_cold, "stream",
                  record->is_stream, "instance", (json_int_t)record->instance, "revision",
                  (json_int_t)record->revision, "bytes_in", (json_int_t)record->bytes_in, "bytes_out",
                  (json_int_t)record->bytes_out, "waited_us", (json_int_t)record->waited_ns / 1000);
    static const char *const texts[] = {"id",     "method", "target",  "function", "client",
                                        "caller", "trace",  "message", "hint"};
    for (size_t i = 0; i < REQUEST_TEXTS; i++)
        json_object_set_new(json, texts[i], json_text(request_text(record, i)));
    json_object_set_new(json, "head", phase_json(record, times->head_ns));
    json_object_set_new(json, "body", phase_json(record, times->body_ns));
    json_object_set_new(json, "slot", phase_json(record, times->slot_ns));
    json_object_set_new(json, "reply", phase_json(record, times->reply_ns));
    json_object_set_new(json, "over", phase_json(record, times->end_ns));
    return json;
}
