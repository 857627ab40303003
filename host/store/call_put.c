#include "store/call_store_inside.h"

static int insert_call(struct call_store *store, const struct call_new *call, enum body_place body_place,
                       int64_t *ret_number, struct error *err)
{
    uint64_t place = call->due_ms > call->accepted_ms ? call->due_ms : 0;
    int rc =
        sql_change(store->sql,
                   "INSERT INTO calls (id, function, state, place, due_ms, accepted_ms, since_ms, body_size,"
                   " body_place) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)",
                   SQL_VALUES(SQL_STR(call->id), SQL_STR(call->function), SQL_INT(place),
                              SQL_INT(call->due_ms), SQL_INT(call->accepted_ms), SQL_INT(call->accepted_ms),
                              SQL_INT(call->body.size), SQL_INT(body_place)),
                   NULL, err);
    return rc < 0 ? -1 : sql_number(store->sql, "SELECT last_insert_rowid()", SQL_VALUES(), ret_number, err);
}

static int insert_request(struct call_store *store, const struct call_new *call, int64_t number,
                          const void *body, struct error *err)
{
    return sql_change(store->sql,
                      "INSERT INTO call_requests (number, method, target, callback_url, client, request_id,"
                      " schedule, scheduled_ms, origin, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      SQL_VALUES(SQL_INT(number), SQL_STR(call->method), SQL_STR(call->target),
                                 SQL_STR(call->callback_url), SQL_STR(call->client),
                                 SQL_STR(call->request_id), SQL_STR(call->schedule),
                                 SQL_INT(call->scheduled_ms), SQL_STR(call->origin), SQL_STR(call->head),
                                 SQL_BYTES(body, call->body.size)),
                      NULL, err);
}

static int put_key(struct call_store *store, const struct call_new *call, struct error *err)
{
    if (!call->key)
        return 0;
    return sql_change(
        store->sql,
        "REPLACE INTO call_keys (function, key, id, fingerprint, accepted_ms) VALUES (?, ?, ?, ?, ?)",
        SQL_VALUES(SQL_STR(call->function), SQL_STR(call->key), SQL_STR(call->id), SQL_STR(call->fingerprint),
                   SQL_INT(call->accepted_ms)),
        NULL, err);
}

static int put_file(struct call_store *store, const struct call_new *call, int64_t number, struct error *err)
{
    if (call_bodies_put(&store->bodies, number, BODY_REQUEST, &call->body, err) < 0)
        return -1;
    call_tallies_add_bytes(&store->counts, call->function, (int64_t)call->body.size);
    return 0;
}

int call_store_put(struct call_store *store, const struct call_new *call, int64_t *ret_number,
                   struct error *err)
{
    enum body_place place = call_body_place(&call->body);
    int64_t number = 0;
    if (insert_call(store, call, place, &number, err) < 0 ||
        insert_request(store, call, number, place == BODY_INLINE ? call->body.bytes : NULL, err) < 0 ||
        put_key(store, call, err) < 0 || (place == BODY_FILE && put_file(store, call, number, err) < 0))
        return -1;
    call_tallies_add(&store->counts, call->function, CALL_WAITING, 1);
    *ret_number = number;
    return 0;
}
