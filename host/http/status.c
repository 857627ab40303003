#include "http/status.h"

#include <stdio.h>

static const struct {
    int status;
    struct http_text reason;
} reasons[] = {
#define REASON(STATUS, TEXT) .status = (STATUS), .reason.data = (TEXT), .reason.length = sizeof(TEXT) - 1
    {REASON(200, "OK")},
    {REASON(100, "Continue")},
    {REASON(101, "Switching Protocols")},
    {REASON(102, "Processing")},
    {REASON(103, "Early Hints")},
    {REASON(201, "Created")},
    {REASON(202, "Accepted")},
    {REASON(203, "Non-Authoritative Information")},
    {REASON(204, "No Content")},
    {REASON(205, "Reset Content")},
    {REASON(206, "Partial Content")},
    {REASON(207, "Multi-Status")},
    {REASON(300, "Multiple Choices")},
    {REASON(301, "Moved Permanently")},
    {REASON(302, "Found")},
    {REASON(303, "See Other")},
    {REASON(304, "Not Modified")},
    {REASON(307, "Temporary Redirect")},
    {REASON(308, "Permanent Redirect")},
    {REASON(400, "Bad Request")},
    {REASON(401, "Unauthorized")},
    {REASON(402, "Payment Required")},
    {REASON(403, "Forbidden")},
    {REASON(404, "Not Found")},
    {REASON(405, "Method Not Allowed")},
    {REASON(406, "Not Acceptable")},
    {REASON(408, "Request Timeout")},
    {REASON(409, "Conflict")},
    {REASON(410, "Gone")},
    {REASON(411, "Length Required")},
    {REASON(412, "Precondition Failed")},
    {REASON(413, "Content Too Large")},
    {REASON(414, "URI Too Long")},
    {REASON(415, "Unsupported Media Type")},
    {REASON(416, "Range Not Satisfiable")},
    {REASON(417, "Expectation Failed")},
    {REASON(418, "I'm a teapot")},
    {REASON(421, "Misdirected Request")},
    {REASON(422, "Unprocessable Content")},
    {REASON(423, "Locked")},
    {REASON(424, "Failed Dependency")},
    {REASON(425, "Too Early")},
    {REASON(426, "Upgrade Required")},
    {REASON(428, "Precondition Required")},
    {REASON(429, "Too Many Requests")},
    {REASON(431, "Request Header Fields Too Large")},
    {REASON(451, "Unavailable For Legal Reasons")},
    {REASON(500, "Internal Server Error")},
    {REASON(501, "Not Implemented")},
    {REASON(502, "Bad Gateway")},
    {REASON(503, "Service Unavailable")},
    {REASON(504, "Gateway Timeout")},
    {REASON(505, "HTTP Version Not Supported")},
    {REASON(507, "Insufficient Storage")},
    {REASON(508, "Loop Detected")},
    {REASON(511, "Network Authentication Required")},
#undef REASON
};

struct http_text http_status_reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return HTTP_TEXT("");
}

void http_date_format(char ret_text[HTTP_DATE_LENGTH], time_t time)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm utc;
    char text[64];
    gmtime_r(&time, &utc);
    snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
             months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    memcpy(ret_text, text, HTTP_DATE_LENGTH);
}
