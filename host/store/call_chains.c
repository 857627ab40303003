#include "store/call_chains.h"

#include "store/call_store_inside.h"

int call_chains_put(struct call_store *store, int64_t number, unsigned depth, struct error *err)
{
    return sql_change(store->sql, "INSERT INTO call_chains (number, depth) VALUES (?, ?)",
                      SQL_VALUES(SQL_INT(number), SQL_INT(depth)), NULL, err);
}

int call_chains_find(struct call_store *store, int64_t number, unsigned *ret_depth, struct error *err)
{
    int64_t depth = 0;
    if (sql_number(store->sql, "SELECT depth FROM call_chains WHERE number = ?", SQL_VALUES(SQL_INT(number)),
                   &depth, err) < 0)
        return -1;
    *ret_depth = (unsigned)depth;
    return 0;
}
