#include "prepare/job/syscall_filter.h"

#include "prepare/job/lacks.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
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

/* What newer kernels can than the headers that this is built with; the same everywhere. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat    463
#define SYS_removexattrat 466
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif

#define NEW_NAMESPACES                                                                                       \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |            \
     CLONE_NEWNET)

#define LOAD(member)                     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define RETURN(what)                     BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE(errnum)                   RETURN(SECCOMP_RET_ERRNO | (errnum))
#define EQUAL(value, skip_if, skip_else) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (skip_if), (skip_else))
#define REFUSE_CALL(name)                EQUAL(SYS_##name, 0, 1), REFUSE(EPERM)

/* The arguments of clone3 are in memory, where a filter cannot look: the C library then takes clone. */
static const struct sock_filter filter[] = {
    LOAD(arch),
    EQUAL(ARCHITECTURE, 1, 0),
    REFUSE(EPERM),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALL, 0, 1),
    REFUSE(EPERM),
    EQUAL(SYS_clone3, 0, 1),
    REFUSE(ENOSYS),
    EQUAL(SYS_clone, 0, 4),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
    REFUSE(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
    REFUSE_CALL(socket),
    REFUSE_CALL(io_uring_setup),
    REFUSE_CALL(ptrace),
    REFUSE_CALL(process_vm_readv),
    REFUSE_CALL(process_vm_writev),
    REFUSE_CALL(pidfd_getfd),
    REFUSE_CALL(kcmp),
    REFUSE_CALL(unshare),
    REFUSE_CALL(setns),
    REFUSE_CALL(mount),
    REFUSE_CALL(umount2),
    REFUSE_CALL(pivot_root),
    REFUSE_CALL(chroot),
    REFUSE_CALL(open_tree),
    REFUSE_CALL(move_mount),
    REFUSE_CALL(mount_setattr),
    REFUSE_CALL(fsopen),
    REFUSE_CALL(fsconfig),
    REFUSE_CALL(fsmount),
    REFUSE_CALL(fspick),
    REFUSE_CALL(open_by_handle_at),
    REFUSE_CALL(memfd_create),
    REFUSE_CALL(memfd_secret),
    REFUSE_CALL(shmget),
    REFUSE_CALL(semget),
    REFUSE_CALL(msgget),
    REFUSE_CALL(mq_open),
    REFUSE_CALL(add_key),
    REFUSE_CALL(request_key),
    REFUSE_CALL(keyctl),
    REFUSE_CALL(bpf),
    REFUSE_CALL(perf_event_open),
    REFUSE_CALL(userfaultfd),
    REFUSE_CALL(fanotify_init),
    /* Landlock knows nothing of these, nor of truncate before Linux 6.2. */
    REFUSE_CALL(truncate),
    REFUSE_CALL(fchmod),
    REFUSE_CALL(fchmodat),
    REFUSE_CALL(fchmodat2),
    REFUSE_CALL(fchown),
    REFUSE_CALL(fchownat),
    REFUSE_CALL(utimensat),
    REFUSE_CALL(setxattr),
    REFUSE_CALL(lsetxattr),
    REFUSE_CALL(fsetxattr),
    REFUSE_CALL(setxattrat),
    REFUSE_CALL(removexattr),
    REFUSE_CALL(lremovexattr),
    REFUSE_CALL(fremovexattr),
    REFUSE_CALL(removexattrat),
    REFUSE_CALL(file_setattr),
#ifdef SYS_chmod /* older forms, which newer machines do without */
    REFUSE_CALL(chmod),
    REFUSE_CALL(chown),
    REFUSE_CALL(lchown),
    REFUSE_CALL(utime),
    REFUSE_CALL(utimes),
    REFUSE_CALL(futimesat),
#endif
    RETURN(SECCOMP_RET_ALLOW),
};

void syscall_filter_apply(json_t *lacks)
{
    struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter),
                                 .filter = (struct sock_filter *)(uintptr_t)filter};
    if (ARCHITECTURE == 0)
        errno = ENOSYS;
    if (ARCHITECTURE == 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        lacks_add(lacks, "a filter of system calls (seccomp)", errno);
}
