/* Questions for names, on arbitrary bytes: what is one has a name that is a name, and an answer that fits. */
#include "firewall/dns_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_question question;
    struct ip_address addresses[DNS_ANSWERS_MAX + 1] = {0};
    uint8_t bytes[DNS_MESSAGE_MAX];
    if (!dns_question_parse(data, size, &question))
        return 0;
    if (strlen(question.name) > EGRESS_NAME_MAX || question.size > DNS_QUESTION_MAX ||
        strspn(question.name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(question.name))
        abort();
    size_t count = question.kind == DNS_OTHER ? 0 : DNS_ANSWERS_MAX + 1;
    size_t written = dns_answer_write(&question, DNS_FINE, addresses, count, 60, bytes);
    if (written > sizeof(bytes) || dns_question_parse(bytes, written, &question))
        abort();
    return 0;
}
