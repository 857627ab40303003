#include "firewall/dns_message.h"

#include <ctype.h>
#include <string.h>

#define HEAD_SIZE      12
#define LABEL_MAX      63

#define FLAG_ANSWER    0x8000
#define FLAG_OPERATION 0x7800
#define FLAG_AUTHORITY 0x0400 /* who has none and no address is not believed by all */
#define FLAG_RECURSIVE 0x0100
#define FLAG_RECURSES  0x0080

#define TYPE_A         1
#define TYPE_AAAA      28
#define CLASS_IN       1
#define NAME_BEFORE    0xC00C /* in place of a name: the one that was asked for, right behind the head */

static unsigned read16(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static uint8_t *write16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *write32(uint8_t *at, unsigned value)
{
    return write16(write16(at, value >> 16), value & 0xffff);
}

/* Whether all of a label can be in a name of a list. */
static bool is_plain(const uint8_t *label, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isalnum(label[i]) && label[i] != '-' && label[i] != '_')
            return false;
    }
    return true;
}

/* The name that begins `bytes`, as text; its size there, or 0: it is none. */
static size_t parse_name(const uint8_t *bytes, size_t size, char ret_name[EGRESS_NAME_MAX + 1])
{
    size_t at = 0, length = 0;
    bool plain = true;
    while (at < size && bytes[at] > 0) {
        size_t label = bytes[at++];
        if (label > LABEL_MAX || label >= size - at || length + 1 + label > EGRESS_NAME_MAX)
            return 0;
        plain = plain && is_plain(bytes + at, label);
        if (length > 0)
            ret_name[length++] = '.';
        for (size_t i = 0; i < label; i++)
            ret_name[length++] = (char)tolower(bytes[at + i]);
        at += label;
    }
    ret_name[plain ? length : 0] = '\0';
    return at < size ? at + 1 : 0;
}

bool dns_question_parse(const void *bytes, size_t size, struct dns_question *ret_question)
{
    const uint8_t *head = bytes;
    struct dns_question *question = ret_question;
    if (size < HEAD_SIZE)
        return false;
    unsigned flags = read16(head + 2);
    if (flags & (FLAG_ANSWER | FLAG_OPERATION) || read16(head + 4) != 1)
        return false;
    size_t name = parse_name(head + HEAD_SIZE, size - HEAD_SIZE, question->name);
    if (name == 0 || size - HEAD_SIZE - name < 4)
        return false;
    const uint8_t *rest = head + HEAD_SIZE + name;
    unsigned type = read16(rest);
    question->id = (uint16_t)read16(head);
    question->is_recursive = flags & FLAG_RECURSIVE;
    question->kind = type == TYPE_A ? DNS_NARROW : type == TYPE_AAAA ? DNS_WIDE : DNS_OTHER;
    if (read16(rest + 2) != CLASS_IN)
        question->name[0] = '\0';
    question->size = name + 4;
    memcpy(question->bytes, head + HEAD_SIZE, question->size);
    return true;
}

static uint8_t *write_address(uint8_t *at, const struct dns_question *question,
                              const struct ip_address *address, unsigned ttl_s)
{
    bool is_wide = question->kind == DNS_WIDE;
    unsigned size = is_wide ? 16 : 4;
    at = write16(at, NAME_BEFORE);
    at = write16(at, is_wide ? TYPE_AAAA : TYPE_A);
    at = write16(at, CLASS_IN);
    at = write32(at, ttl_s);
    at = write16(at, size);
    memcpy(at, address->bytes + sizeof(address->bytes) - size, size);
    return at + size;
}

size_t dns_answer_write(const struct dns_question *question, enum dns_outcome outcome,
                        const struct ip_address *addresses, size_t count, unsigned ttl_s,
                        uint8_t ret_bytes[DNS_MESSAGE_MAX])
{
    unsigned flags = FLAG_ANSWER | FLAG_AUTHORITY | FLAG_RECURSES | (unsigned)outcome;
    size_t told = count < DNS_ANSWERS_MAX ? count : DNS_ANSWERS_MAX;
    uint8_t *at = ret_bytes;
    at = write16(at, question->id);
    at = write16(at, flags | (question->is_recursive ? FLAG_RECURSIVE : 0));
    at = write16(at, 1);
    at = write16(at, (unsigned)told);
    at = write32(at, 0);
    memcpy(at, question->bytes, question->size);
    at += question->size;
    for (size_t i = 0; i < told; i++)
        at = write_address(at, question, &addresses[i], ttl_s);
    return (size_t)(at - ret_bytes);
}
