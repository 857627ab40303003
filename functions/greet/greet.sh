#!/bin/sh
# Greets whoever the query names: /greet?Ada. What comes as the body is sent back below the greeting.
printf 'Hello, %s, from a shell script\n' "${QUERY_STRING:-stranger}"
if [ "${CONTENT_LENGTH:-0}" != 0 ]; then
    printf 'You wrote:\n'
    cat
fi
