/* How clients of the /system contract name a function. */
#ifndef ADMIN_FUNCTION_NAME_H
#define ADMIN_FUNCTION_NAME_H

/* The one namespace that there is: the default one of clients of this contract. */
#define FUNCTION_NAMESPACE "openfaas-fn"

/* The name alone of "NAME" or "NAME.openfaas-fn", where `space`, "" or NULL for none, may say the namespace
 * apart; the caller frees it. NULL: it is of another namespace, which has no functions. */
char *function_name_read(const char *given, const char *space);

#endif
