/* Takes the right to write from everything below a folder. */
#ifndef RUNNER_WRITE_PROTECT_H
#define RUNNER_WRITE_PROTECT_H

/* Makes the folder open at `folder`, its folders (0555) and its files (0444, or 0555 when their owner may
 * execute them) readable only. Links are neither followed nor changed. 0, or -1 with errno; what was done so
 * far then stays. */
int berth_write_protect(int folder);

#endif
