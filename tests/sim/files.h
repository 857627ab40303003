/* What a run has on the disk: the registry, the functions' files, the plugins. */
#ifndef SIM_FILES_H
#define SIM_FILES_H

#define DIALLING  "dialling" /* the language whose runners dial */
#define SERVING   "serving" /* the one whose containers are servers */
#define CODE_FILE "main.x" /* of each function */

#include <stddef.h>

/* Makes a folder for runs, in memory where that can be had; empties it for the next one; removes it. */
int files_make_root(char *ret_root, size_t size);
void files_empty_root(const char *root);
void files_remove_root(const char *root);

/* Makes the plugins of a run, below sim.root. */
void files_begin(void);

/* Writes the file at this path, below the folder of the run. */
void files_write(const char *path, const char *text);

/* What is in a file, whose path is absolute; NULL: it cannot be read. The caller frees it. */
char *files_read(const char *path);

#endif
