#include "gateway/async.h"

#include "gateway/fail.h"
#include "http/prefer.h"

static int fail_method(struct exchange *exchange)
{
    struct error error;
    error_set(&error, ERROR_CALL_METHOD, "A call that was accepted can be looked at and cancelled.");
    error_hint(&error, "GET /async/ID says what has become of it, DELETE /async/ID cancels it.");
    exchange_fail(exchange, &error);
    return -1;
}

static int fail_upgrade(struct exchange *exchange)
{
    struct error error;
    error_set(&error, ERROR_CALL_UPGRADE, "What is called later cannot go on as another protocol.");
    error_hint(&error, "Leave out the header Upgrade, or call the function itself: /function/NAME.");
    exchange_fail(exchange, &error);
    return -1;
}

static int begin_question(struct exchange *exchange)
{
    switch (exchange->request.method) {
    case HTTP_METHOD_GET:
    case HTTP_METHOD_HEAD:
        exchange->asking.what = DESK_LOOK;
        return 0;
    case HTTP_METHOD_DELETE:
        exchange->asking.what = DESK_CANCEL;
        return 0;
    default:
        return fail_method(exchange);
    }
}

/* What comes by the door of calls has been accepted before. */
int async_begin(struct exchange *exchange, enum target_kind kind)
{
    if (kind == TARGET_CALL)
        return begin_question(exchange);
    bool preferred = http_prefer_has(&exchange->request, HTTP_TEXT(ASYNC_PREFERENCE)) &&
                     !client_is_calls(exchange->client);
    if (kind != TARGET_FUNCTION || !(preferred || exchange->target.is_async))
        return 0;
    if (exchange->request.upgrade)
        return fail_upgrade(exchange);
    exchange->asking = (struct asking){.what = DESK_ACCEPT, .preferred = preferred};
    return 0;
}
