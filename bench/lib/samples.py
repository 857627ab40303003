"""The functions that the benchmarks call."""
import measure

HELLO = (measure.ROOT / "functions/hello/hello.py").read_text(encoding="utf-8")

NODE_HELLO = 'module.exports = async () => "<h1>Hello from Berth</h1>\\n";\n'

LUA_HELLO = 'return function() return "<h1>Hello from Berth</h1>\\n" end\n'

SHELL_HELLO = '#!/bin/sh\necho "<h1>Hello from Berth</h1>"\n'

CONTAINER_HELLO = {"Dockerfile": """ARG BERTH_BASE
FROM ${BERTH_BASE}
COPY hello.pl /srv/hello.pl
EXPOSE 8080
CMD ["perl", "/srv/hello.pl"]
""", "hello.pl": r"""use strict;
use IO::Socket::INET;

$SIG{TERM} = sub { exit 0 };
my $body = "<h1>Hello from Berth</h1>\n";
my $listener = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $ENV{PORT}, Listen => 128, ReuseAddr => 1)
    or die "cannot listen: $@";
while (my $connection = $listener->accept) {
    my $head = '';
    while ($head !~ /\r\n\r\n/ && sysread($connection, $head, 4096, length $head)) {}
    print $connection "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
    close $connection;
}
"""}

WAITS = '''import asyncio


async def handle(request):
    await asyncio.sleep({seconds})
    return "waited"
'''

WORKS = '''def handle(request):
    total = 0
    for number in range({rounds}):
        total += number * number
    return {{"total": total}}
'''


def waits(seconds):
    """A handler that waits, as one does for a database."""
    return WAITS.format(seconds=seconds)


def works(rounds):
    """A handler that computes; 100,000 rounds are some milliseconds."""
    return WORKS.format(rounds=rounds)
