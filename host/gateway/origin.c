#include "gateway/origin.h"

#define HOPS_MAX 32 /* addresses of X-Forwarded-For that are looked at, from the last */
#define HOST_MAX 255

/* Takes the last member off a comma-separated list; false when the list is empty. */
static bool take_last(struct http_text *list, struct http_text *ret_member)
{
    if (list->length == 0)
        return false;
    size_t at = list->length;
    while (at > 0 && list->data[at - 1] != ',')
        at--;
    *ret_member = http_text_trim(http_text_make(list->data + at, list->length - at));
    list->length = at > 0 ? at - 1 : 0;
    return true;
}

/* Reads "ADDRESS", "ADDRESS:PORT", "[ADDRESS]" or "[ADDRESS]:PORT", as proxies write them. */
static bool read_hop(struct http_text text, struct ip_address *ret_address)
{
    if (text.length > 0 && text.data[0] == '[') {
        const char *bracket = memchr(text.data, ']', text.length);
        return bracket && ip_address_parse(text.data + 1, (size_t)(bracket - text.data) - 1, ret_address);
    }
    const char *colon = memchr(text.data, ':', text.length);
    size_t before = colon ? (size_t)(colon - text.data) : text.length;
    bool has_port = colon && !memchr(colon + 1, ':', text.length - before - 1);
    return ip_address_parse(text.data, has_port ? before : text.length, ret_address);
}

/* Goes back from the peer as long as who tells of the hop before is trusted. What is no address ends the way:
 * nobody vouches for what stands before it. */
static void find_client(const struct http_head *head, const struct network_list *trusted,
                        struct origin *origin)
{
    unsigned hops = 0;
    for (uint32_t i = head->header_count; i-- > 0;) {
        const struct http_header *header = &head->headers[i];
        if (header->id != HTTP_HEADER_X_FORWARDED_FOR)
            continue;
        struct http_text list = http_head_value(head, header), member;
        while (take_last(&list, &member)) {
            struct ip_address address;
            if (hops++ == HOPS_MAX || !read_hop(member, &address))
                return;
            origin->client_length = ip_address_format(&address, origin->client);
            if (!network_list_has(trusted, &address))
                return;
        }
    }
}

/* The first member of the first such header: what the outermost proxy said. Empty: there is none. */
static struct http_text outermost(const struct http_head *head, enum http_header_id id)
{
    struct http_text member = HTTP_TEXT("");
    const struct http_header *header = http_head_find(head, id);
    if (header) {
        struct http_text list = http_head_value(head, header);
        http_text_next_member(&list, &member);
    }
    return member;
}

/* Some proxies name the scheme of a WebSocket by its own name. */
static void find_scheme(const struct http_head *head, struct origin *origin)
{
    struct http_text said = outermost(head, HTTP_HEADER_X_FORWARDED_PROTO);
    if (http_text_equal_nocase(said, HTTP_TEXT("https")) || http_text_equal_nocase(said, HTTP_TEXT("wss")))
        origin->scheme = HTTP_TEXT("https");
}

static void find_host(const struct http_head *head, struct origin *origin)
{
    struct http_text said = outermost(head, HTTP_HEADER_X_FORWARDED_HOST);
    if (said.length > 0 && said.length <= HOST_MAX && http_host_is_valid(said))
        origin->host = said;
}

/* A path of plain characters. Two slashes in front would make links lead to another host. */
static bool is_prefix(struct http_text text)
{
    if (text.length < 2 || text.data[0] != '/' || text.data[1] == '/')
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"#<>?\\^`{|}", c))
            return false;
    }
    return true;
}

static void find_prefix(const struct http_head *head, struct origin *origin)
{
    const struct http_header *header = http_head_find(head, HTTP_HEADER_X_FORWARDED_PREFIX);
    struct http_text said = header ? http_head_value(head, header) : HTTP_TEXT("");
    while (said.length > 0 && said.data[said.length - 1] == '/')
        said.length--;
    if (is_prefix(said))
        origin->prefix = said;
}

void origin_find(const struct http_head *head, struct http_text peer, const struct network_list *trusted,
                 struct origin *ret_origin)
{
    ret_origin->client_length = peer.length < INET6_ADDRSTRLEN ? peer.length : INET6_ADDRSTRLEN - 1;
    memcpy(ret_origin->client, peer.data, ret_origin->client_length);
    ret_origin->scheme = HTTP_TEXT("http");
    ret_origin->host = http_head_text(head, head->host);
    ret_origin->prefix = HTTP_TEXT("");
    if (!trusted || !(head->header_ids & ORIGIN_HEADERS))
        return;
    find_client(head, trusted, ret_origin);
    find_scheme(head, ret_origin);
    find_host(head, ret_origin);
    find_prefix(head, ret_origin);
}
