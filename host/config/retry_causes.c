#include "config/retry_causes.h"

#include "base/json.h"

#include <string.h>

static bool is_word(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(word, name, length) == 0;
}

static void add_statuses(struct retry_causes *causes, int first, int last)
{
    for (int i = first - RETRY_STATUS_FIRST; i <= last - RETRY_STATUS_FIRST; i++)
        causes->statuses[i / 8] |= (uint8_t)(1u << i % 8);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool retry_causes_add(struct retry_causes *causes, const char *word, size_t length)
{
    if (is_word(word, length, "timeout"))
        causes->timeout = true;
    else if (is_word(word, length, "connection"))
        causes->connection = true;
    else if (is_word(word, length, "4xx"))
        add_statuses(causes, 400, 499);
    else if (is_word(word, length, "5xx"))
        add_statuses(causes, 500, 599);
    else if (length == 3 && (word[0] == '4' || word[0] == '5') && is_digit(word[1]) && is_digit(word[2])) {
        int status = (word[0] - '0') * 100 + (word[1] - '0') * 10 + word[2] - '0';
        add_statuses(causes, status, status);
    } else
        return false;
    return true;
}

bool retry_causes_have_status(const struct retry_causes *causes, int status)
{
    int i = status - RETRY_STATUS_FIRST;
    return status >= RETRY_STATUS_FIRST && status <= RETRY_STATUS_LAST &&
           causes->statuses[i / 8] >> i % 8 & 1;
}

static void list_statuses(const struct retry_causes *causes, int first, const char *name, json_t *list)
{
    int count = 0;
    for (int status = first; status < first + 100; status++)
        count += retry_causes_have_status(causes, status);
    if (count == 100)
        json_array_append_new(list, json_string(name));
    for (int status = first; status < first + 100 && count < 100; status++) {
        if (retry_causes_have_status(causes, status))
            json_array_append_new(list, json_sprintf("%d", status));
    }
}

json_t *retry_causes_json(const struct retry_causes *causes)
{
    json_t *list = json_array();
    list_statuses(causes, 400, "4xx", list);
    list_statuses(causes, 500, "5xx", list);
    if (causes->timeout)
        json_array_append_new(list, json_string("timeout"));
    if (causes->connection)
        json_array_append_new(list, json_string("connection"));
    return list;
}
