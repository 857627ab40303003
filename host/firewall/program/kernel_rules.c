#include "firewall/program/kernel_rules.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

struct kernel_rules {
    struct nft_ctx *nft;
    const char *table;
    char *noted; /* as listed; NULL: it is not there */
};

struct kernel_rules *kernel_rules_open(const char *table)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft)
        return NULL;
    nft_ctx_output_set_flags(nft,
                             NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE | NFT_CTX_OUTPUT_NUMERIC_ALL);
    nft_ctx_buffer_output(nft);
    nft_ctx_buffer_error(nft);
    struct kernel_rules *rules = xcalloc(1, sizeof(*rules));
    rules->nft = nft;
    rules->table = table;
    return rules;
}

void kernel_rules_close(struct kernel_rules *rules)
{
    nft_ctx_free(rules->nft);
    free(rules->noted);
    free(rules);
}

const char *kernel_rules_run(struct kernel_rules *rules, const char *commands)
{
    if (nft_run_cmd_from_buffer(rules->nft, commands) == 0)
        return NULL;
    return nft_ctx_get_error_buffer(rules->nft);
}

static char *output_of(struct kernel_rules *rules, const char *command)
{
    return kernel_rules_run(rules, command) ? NULL : xstrdup(nft_ctx_get_output_buffer(rules->nft));
}

char *kernel_rules_list(struct kernel_rules *rules, const char *table)
{
    cleanup_free char *command = xasprintf("list table %s", table);
    return output_of(rules, command);
}

char *kernel_rules_list_tables(struct kernel_rules *rules)
{
    return output_of(rules, "list tables inet");
}

void kernel_rules_note(struct kernel_rules *rules)
{
    free(rules->noted);
    rules->noted = kernel_rules_list(rules, rules->table);
}

int kernel_rules_are_noted(struct kernel_rules *rules)
{
    cleanup_free char *now = kernel_rules_list(rules, rules->table);
    return now && rules->noted && strcmp(now, rules->noted) == 0;
}
