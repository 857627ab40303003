/* Tables of the kernel's rules that daemons of Berth have left, although nobody will take them over. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/doctor.h"
#include "cli/kernel_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX       "berth_" /* the daemon's id follows */
#define LINE_SIZE    512
#define TABLES_SHOWN 10

/* Whether a daemon is there for it: who looks after a table has an abstract socket of its name. */
static bool has_daemon(const char *table)
{
    FILE *file = fopen("/proc/net/unix", "re");
    char line[LINE_SIZE];
    bool has = false;
    while (file && !has && fgets(line, sizeof(line), file)) {
        const char *name = strchr(line, '@');
        size_t length = strlen(table);
        has = name && strncmp(name + 1, table, length) == 0 && name[length + 1] == '\n';
    }
    if (file)
        fclose(file);
    return has;
}

/* Instances are left to the next daemon, which takes their rules over with them. */
static bool has_instances(const struct checkup *checkup, const char *table)
{
    cleanup_free char *path =
        xasprintf("/containers/json?filters=%%7B%%22label%%22%%3A%%5B%%22berth.host%%3D%s%%22%%5D%%7D",
                  table + strlen(PREFIX));
    json_t *list = doctor_ask_docker(checkup->docker_socket, path);
    bool has = !list || json_array_size(list) > 0;
    json_decref(list);
    return has;
}

static bool is_ours(const char *table)
{
    size_t length = strlen(PREFIX);
    return strncmp(table, PREFIX, length) == 0 && table[length] &&
           table[length + strspn(table + length, "0123456789abcdef")] == '\0';
}

static void tell(char *const *left, size_t count, struct look *look)
{
    cleanup_strbuf struct strbuf names;
    strbuf_init(&names, sizeof(look->advice));
    for (size_t i = 0; i < count && i < TABLES_SHOWN; i++)
        strbuf_append_format(&names, " %s", left[i]);
    if (count == 0) {
        doctor_conclude(look, VERDICT_FINE, "none is left by a daemon that has gone");
        return;
    }
    doctor_conclude(look, VERDICT_POOR, "%zu left by daemons that have gone, with nobody to take them over",
                    count);
    doctor_advise(look, "as root: for table in%s; do nft delete table inet $table; done%s",
                  strbuf_text(&names), count > TABLES_SHOWN ? " (and so on)" : "");
}

void doctor_look_at_tables(const struct checkup *checkup, struct look *look)
{
    struct kernel_tables tables;
    struct error err;
    if (kernel_tables_list(&tables, &err) < 0) {
        doctor_conclude(look, VERDICT_FINE, "not looked at: %s", err.message);
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < tables.count; i++) {
        char *table = tables.names[i];
        if (is_ours(table) && !has_daemon(table) && !has_instances(checkup, table)) {
            tables.names[i] = tables.names[count];
            tables.names[count++] = table;
        }
    }
    tell(tables.names, count, look);
    kernel_tables_clear(&tables);
}
