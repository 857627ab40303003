/* What filters of system calls are written in: one instruction of the kernel's (BPF) or a few. A filter ends
 * with RETURN(SECCOMP_RET_ALLOW). */
#ifndef PREPARE_JOB_FILTER_WORDS_H
#define PREPARE_JOB_FILTER_WORDS_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define FOREIGN_CALL 0x40000000u /* of the x32 ABI, and above */
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#define FOREIGN_CALL UINT32_MAX
#else
#define ARCHITECTURE 0
#define FOREIGN_CALL UINT32_MAX
#endif

#define LOAD(member)                     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define RETURN(what)                     BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE(errnum)                   RETURN(SECCOMP_RET_ERRNO | (errnum))
#define EQUAL(value, skip_if, skip_else) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (skip_if), (skip_else))
#define REFUSE_CALL(name)                EQUAL(SYS_##name, 0, 1), REFUSE(EPERM)

/* -1 with errno: the kernel does not take it. */
static inline int filter_add(const struct sock_filter *filter, size_t count)
{
    const struct sock_fprog program = {.len = (unsigned short)count,
                                       .filter = (struct sock_filter *)(uintptr_t)filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#endif
