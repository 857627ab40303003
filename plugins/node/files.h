/* The function's files, and the clock, as the analysis sees them: the global object `host` of the engine. */
#ifndef NODE_FILES_H
#define NODE_FILES_H

#include <berth/plugin.h>

#include <duktape.h>

/* Makes `host` known to the programs of an engine. Paths are bytes (Uint8Array), relative to the function's
 * folder, "" for the folder itself: read(path, max)   a plain file's bytes; or why not: "missing", "denied",
 * "other" (no plain file), "large" (more than max) list(path)        [bytes], the names in a folder, those of
 * folders too; undefined when it cannot be read kind(path)        "file", "folder", "other", or undefined:
 * there is nothing installed(path)   whether there is such a path among the dependencies that are installed
 *   clock()           milliseconds of processor time of this process */
void files_offer(duk_context *engine);

/* From here on the files are those of this function. A folder that cannot be opened has none. */
void files_open(const struct berth_function *function);

/* There are none. */
void files_close(void);

#endif
