#include "prepare/job/syscall_filter.h"

#include "prepare/job/filter_words.h"
#include "prepare/job/lacks.h"
#include "prepare/job/process_filter.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>

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

bool syscall_filter_apply(json_t *lacks, bool shares_pids)
{
    if (ARCHITECTURE == 0)
        errno = ENOSYS;
    if (ARCHITECTURE != 0 && (!shares_pids || process_filter_apply() == 0) &&
        filter_add(filter, sizeof(filter) / sizeof(*filter)) == 0)
        return true;
    lacks_add(lacks, "a filter of system calls (seccomp)", errno);
    return false;
}
