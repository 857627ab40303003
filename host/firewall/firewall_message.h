/*
 * What the daemon and its program berth-firewall say to each other over a stream socket: a head and `size`
 * bytes of text behind it. Both are of the same build, on one machine. The daemon speaks first; each message
 * of its own but the last is answered by one, in their order.
 */
#ifndef FIREWALL_FIREWALL_MESSAGE_H
#define FIREWALL_FIREWALL_MESSAGE_H

#include <stdint.h>

#define FIREWALL_TEXT_MAX (4u << 20)

enum firewall_word {
    /* Commands that make the whole table; from now on it is to stay as it is. Behind a NUL may be those that
     * would make it for the usual network alone, which tables that nobody looks after are made of. */
    FIREWALL_RULES,
    FIREWALL_CHANGE, /* commands that change elements of its sets, which it does not have to keep */
    FIREWALL_END, /* the table is to go */
    FIREWALL_DONE, /* an answer */
    FIREWALL_FAILED, /* an answer: the text says why; nothing has changed */
    FIREWALL_LOST, /* somebody else has changed the table; told once for each time that it was made */
};

struct firewall_head {
    uint32_t word; /* enum firewall_word */
    uint32_t size; /* of the text: FIREWALL_TEXT_MAX at most */
};

#endif
