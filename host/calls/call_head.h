/* Heads as calls keep them: "Name: value\r\n" for each header. */
#ifndef CALLS_CALL_HEAD_H
#define CALLS_CALL_HEAD_H

/* A copy of the value of the first header of this name, or NULL. `head` may be NULL. The caller owns it. */
char *call_head_find(const char *head, const char *name);

/* The lines as texts, ended by NULL. The caller owns the result (texts_free()). */
char **call_head_split(const char *head);

#endif
