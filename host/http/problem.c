#include "http/problem.h"

static const struct http_problem problems[ERROR_CODE_COUNT] = {
    [ERROR_TLS_ON_PLAIN_PORT] =
        {"The connection begins with a TLS handshake, but this port speaks plain HTTP.",
         "Use http:// instead of https://, or put a TLS terminating proxy in front."},
    [ERROR_HTTP2_UNSUPPORTED] =
        {"The connection begins with the HTTP/2 preface, but this port speaks HTTP/1.1.",
         "Use HTTP/1.1 (curl: leave out --http2-prior-knowledge)."},
    [ERROR_EMPTY_LINES] = {"More than one empty line, or half of one, stands before the message.", ""},
    [ERROR_METHOD_MALFORMED] = {"The method has a character that is not allowed in a method.", ""},
    [ERROR_CONNECT_UNSUPPORTED] = {"CONNECT asks for a tunnel, but this server is not a forward proxy.", ""},
    [ERROR_REQUEST_LINE_MALFORMED] =
        {"The request line is not method, target and version with one space between each.", ""},
    [ERROR_TARGET_MALFORMED] =
        {"The request target is neither a path that begins with / nor an absolute URL.",
         "Percent-encode spaces and control characters."},
    [ERROR_TARGET_NOT_ASCII] = {"The request target has a byte outside ASCII.",
                                "Percent-encode it: UTF-8 e acute is %C3%A9."},
    [ERROR_TARGET_FRAGMENT] = {"The request target has a fragment, which is never sent to a server.",
                               "Leave out # and what follows, or write it as %23."},
    [ERROR_TARGET_SCHEME] = {"The absolute request target has a scheme other than http or https.", ""},
    [ERROR_TARGET_AUTHORITY] =
        {"The host in the absolute request target is empty, malformed or carries user information.", ""},
    [ERROR_TARGET_ASTERISK] = {"The request target * is allowed with OPTIONS only.", ""},
    [ERROR_TARGET_TOO_LONG] = {"The request target is longer than the limit.", ""},
    [ERROR_VERSION_MISSING] = {"The request line has no HTTP version (HTTP/0.9 is not supported).",
                               "End the request line with HTTP/1.1."},
    [ERROR_VERSION_MALFORMED] = {"The first line has no valid HTTP version.", "Write HTTP/1.1 in capitals."},
    [ERROR_VERSION_UNSUPPORTED] = {"Only HTTP/1.1 and HTTP/1.0 are supported.", "Use HTTP/1.1."},
    [ERROR_STATUS_LINE_MALFORMED] =
        {"The status line is not a version, a status from 100 to 599 and a reason.", ""},
    [ERROR_LINE_END] = {"A line ends with LF alone.", "End every line with CR LF."},
    [ERROR_BARE_CR] = {"A CR stands inside a line.", "End every line with CR LF and use CR nowhere else."},
    [ERROR_HEADER_FOLDING] = {"A header is continued on a second line, which is obsolete and ambiguous.",
                              "Write the header in one line."},
    [ERROR_HEADER_NAME] = {"A header name is empty or has a character that is not allowed.", ""},
    [ERROR_HEADER_NAME_SPACE] = {"White space stands between a header name and its colon.", ""},
    [ERROR_HEADER_VALUE] = {"A header value has a control character.", ""},
    [ERROR_HEADER_MALFORMED] = {"A header line is not a name, a colon and a value.", ""},
    [ERROR_HEAD_TOO_LARGE] = {"The request line and headers together are larger than the limit.", ""},
    [ERROR_TOO_MANY_HEADERS] = {"There are more headers than the limit.", ""},
    [ERROR_HOST_MISSING] = {"An HTTP/1.1 request must have a Host header.", ""},
    [ERROR_HOST_SEVERAL] = {"There is more than one Host header.", ""},
    [ERROR_HOST_MALFORMED] = {"The Host header is not a host name or address with an optional port.", ""},
    [ERROR_EXPECTATION_UNKNOWN] = {"Expect asks for something other than 100-continue.",
                                   "Leave the Expect header out."},
    [ERROR_CONTENT_LENGTH_MALFORMED] = {"Content-Length is not a decimal number.", ""},
    [ERROR_CONTENT_LENGTH_SEVERAL] = {"There is more than one Content-Length.", ""},
    [ERROR_CONTENT_LENGTH_OVERFLOW] = {"Content-Length is larger than any body can be.", ""},
    [ERROR_FRAMING_AMBIGUOUS] = {"Both Content-Length and Transfer-Encoding are present.",
                                 "Send one of them."},
    [ERROR_TRANSFER_ENCODING_HTTP10] =
        {"Transfer-Encoding is present in an HTTP/1.0 message, which cannot have it.",
         "Use HTTP/1.1 or Content-Length."},
    [ERROR_TRANSFER_ENCODING_MALFORMED] =
        {"Transfer-Encoding is empty, or does not end with exactly one chunked.", ""},
    [ERROR_TRANSFER_ENCODING_UNKNOWN] = {"Transfer-Encoding names a coding other than chunked.",
                                         "Use Content-Encoding for compression."},
    [ERROR_BODY_TOO_LARGE] = {"The body is larger than the limit.", ""},
    [ERROR_CHUNK_SIZE] = {"A chunk size is not a hexadecimal number of at most 16 digits.", ""},
    [ERROR_CHUNK_LINE_END] = {"A chunk size line does not end with CR LF.", ""},
    [ERROR_CHUNK_DATA_END] =
        {"The data of a chunk is not followed by CR LF: it is longer than its size says.", ""},
    [ERROR_CHUNK_EXTENSION] = {"A chunk extension is malformed or too long.", ""},
    [ERROR_TRAILERS_TOO_LARGE] = {"The trailer section is larger than the limit.", ""},
    [ERROR_TRAILERS_MALFORMED] = {"The trailer section is malformed.", ""},
    [ERROR_GATEWAY_OUT_OF_MEMORY] = {"There is no memory for the trailer section.", "Try again later."},
};

const struct http_problem *http_problem(enum error_code code)
{
    return &problems[code];
}
