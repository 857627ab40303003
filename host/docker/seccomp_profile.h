/*
 * The system calls that containers may make, as the engine wants them: seccomp.json of this folder, which is
 * part of this program. It has what programs of any language use, with compilers and package managers, and
 * leaves out what the engine's own profile lets pass and only few need: ptrace and what reads other
 * processes' memory, io_uring, 32-bit calls, kinds of sockets other than unix, IPv4, IPv6 and routing, and
 * devices.
 */
#ifndef DOCKER_SECCOMP_PROFILE_H
#define DOCKER_SECCOMP_PROFILE_H

/* Compact JSON, for ever. Control thread. */
const char *seccomp_profile(void);

#endif
