#include "prepare/job/process_filter.h"

#include "prepare/job/filter_words.h"

#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Ids have 32 bits, which are the lower half of an argument. */
#define LOAD_LOW(argument)  LOAD(args[argument])
#define REFUSE_VALUE(value) EQUAL((uint32_t)(value), 0, 1), REFUSE(EPERM)

/* Of the call `name`, whose lower half of `argument` is another value: refused. */
#define REFUSE_OTHERS(name, argument, value)                                                                 \
    EQUAL(SYS_##name, 0, 4), LOAD_LOW(argument), EQUAL((uint32_t)(value), 1, 0), REFUSE(EPERM),              \
        RETURN(SECCOMP_RET_ALLOW)

int process_filter_apply(void)
{
    const struct sock_filter filter[] = {
        LOAD(nr),
        REFUSE_CALL(kill),
        REFUSE_CALL(tkill),
        REFUSE_CALL(rt_sigqueueinfo),
        REFUSE_CALL(rt_tgsigqueueinfo),
        REFUSE_CALL(pidfd_open),
        REFUSE_CALL(pidfd_send_signal),
        REFUSE_CALL(setpriority),
        REFUSE_CALL(ioprio_set),
        REFUSE_CALL(sched_setaffinity),
        REFUSE_CALL(sched_setattr),
        REFUSE_CALL(sched_setparam),
        REFUSE_CALL(sched_setscheduler),
        REFUSE_CALL(migrate_pages),
        REFUSE_CALL(move_pages),
        REFUSE_CALL(process_madvise),
        REFUSE_CALL(process_mrelease),
        REFUSE_OTHERS(tgkill, 0, getpid()), /* abort() */
        REFUSE_OTHERS(prlimit64, 0, 0),
        EQUAL(SYS_fcntl, 0, 6),
        LOAD_LOW(1),
        REFUSE_VALUE(F_SETOWN),
        REFUSE_VALUE(F_SETOWN_EX),
        RETURN(SECCOMP_RET_ALLOW),
        EQUAL(SYS_ioctl, 0, 6),
        LOAD_LOW(1),
        REFUSE_VALUE(FIOSETOWN),
        REFUSE_VALUE(SIOCSPGRP),
        RETURN(SECCOMP_RET_ALLOW),
        RETURN(SECCOMP_RET_ALLOW),
    };
    return filter_add(filter, sizeof(filter) / sizeof(*filter));
}
