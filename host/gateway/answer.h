/* Answers that the gateway makes itself: errors as JSON or plain text, and OPTIONS. */
#ifndef GATEWAY_ANSWER_H
#define GATEWAY_ANSWER_H

#include "base/error.h"
#include "gateway/exchange.h"
#include "http/write.h"

/* Writes a whole error answer for the exchange's client:
 *
 *     {"error":{"component":"gateway","reason":"queue-full","message":"..","hint":"..","request_id":".."}}
 *
 * as plain text when that is what Accept asks for, without its body for HEAD. Folders of this host that
 * `cause` names are not told, see base/public_text.h. */
void answer_write_error(struct http_writer *writer, const struct exchange *exchange, int status,
                        const struct error *cause);

/* Writes the answer to OPTIONS * and to OPTIONS that may not be passed on. */
void answer_write_options(struct http_writer *writer, const struct exchange *exchange);

#endif
