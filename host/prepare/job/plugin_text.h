/* Plugins' texts as JSON; each is cut at 64 KiB. */
#ifndef PREPARE_JOB_PLUGIN_TEXT_H
#define PREPARE_JOB_PLUGIN_TEXT_H

#include <jansson.h>

/* A JSON string; each byte that is not UTF-8 becomes '?'. NULL gives null. The caller owns it. */
json_t *plugin_text(const char *text);

/* An array of such strings from an array ended by NULL; NULL gives null. The caller owns it. */
json_t *plugin_texts(const char *const *texts);

#endif
