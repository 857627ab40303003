#include "routing/route_limits.h"

#include "http/body.h"

struct route_limits route_limits_make(const struct host_settings *host,
                                      const struct function_settings *function)
{
    return (struct route_limits){
        .timeout_ms = function->timeout_ms,
        .stream_idle_ms = function->stream_idle_ms,
        .request_buffering = function->request_buffering,
        .queue_length = host->queue_length,
        .queue_timeout_ms = host->queue_timeout_ms,
        .max_body_bytes = host->max_body_bytes > 0 ? host->max_body_bytes : HTTP_BODY_UNLIMITED,
    };
}
