#include "routing/route_limits.h"

#include "http/body.h"

struct route_limits route_limits_make(const struct host_settings *host,
                                      const struct function_settings *function)
{
    const bool own_body = function->max_body_bytes > 0;
    const uint64_t max_body_bytes = own_body ? function->max_body_bytes : host->max_body_bytes;
    return (struct route_limits){
        .timeout_ms = function->timeout_ms,
        .stream_idle_ms = function->stream_idle_ms,
        .request_buffering = function->request_buffering,
        .queue_length = function->queue_length > 0 ? function->queue_length : host->queue_length,
        .queue_timeout_ms =
            function->queue_timeout_ms > 0 ? function->queue_timeout_ms : host->queue_timeout_ms,
        .max_body_bytes = max_body_bytes > 0 ? max_body_bytes : HTTP_BODY_UNLIMITED,
        .call_depth = host->call_depth,
        .own_queue_length = function->queue_length > 0,
        .own_queue_timeout = function->queue_timeout_ms > 0,
        .own_max_body = own_body,
    };
}

const char *route_limit_place(bool own)
{
    return own ? "among the function's settings" : "in the section `host`";
}
