/* What the fleet knows, and the gateway asks, about an instance that went away while it had a request. */
#ifndef ROUTING_LOSS_H
#define ROUTING_LOSS_H

/* Whose doing the loss of an instance was. */
enum instance_loss {
    LOSS_UNKNOWN, /* not known yet */
    LOSS_OWN, /* the function's: another instance may end in the same way */
    LOSS_OUTSIDE, /* it was done to the instance: another one serves the request as well */
};

#endif
