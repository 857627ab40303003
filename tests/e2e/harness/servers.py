"""Web servers for functions of the language `container`, in Perl, which the base image has."""

BASE = "berth-base:bookworm"

# Serves PORT with a process for each connection. /env: its environment; /echo: the body; /close: ends without an answer;
# /end: ends itself; /ready: 503 for the first requests, as many as NOT_READY says; /sleep?s=S; else its name.
SERVER = r"""
    use strict;
    use IO::Socket::INET;

    $| = 1;
    $SIG{CHLD} = 'IGNORE';
    my $parent = $$;
    $SIG{TERM} = sub { print "asked to end\n" if $$ == $parent; exit 0 };
    my $host = $ENV{LISTEN} || '0.0.0.0';
    my $listener = IO::Socket::INET->new(LocalAddr => $host, LocalPort => $ENV{LISTEN_PORT} || $ENV{PORT},
                                         Listen => 128, ReuseAddr => 1) or die "cannot listen: $@";
    print "serves on $host\n";

    sub answer {
        my ($connection, $status, $body) = @_;
        print $connection "HTTP/1.1 $status\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
    }

    sub serve {
        my ($connection, $asked) = @_;
        my $head = '';
        while ($head !~ /\r\n\r\n/) {
            return if !sysread($connection, $head, 4096, length $head);
        }
        my ($line, $body) = $head =~ /^(.*?)\r\n.*?\r\n\r\n(.*)$/s;
        my ($length) = $head =~ /\r\nContent-Length: (\d+)/i;
        while (length $body < ($length || 0)) {
            return if !sysread($connection, $body, 65536, length $body);
        }
        my ($path, $query) = $line =~ m{^\S+ ([^ ?]*)\??(\S*)};
        print "asked for $path\n";
        return if $path eq '/close';
        if ($path eq '/end') {
            kill 'KILL', $parent;
            sleep 60;
        }
        select undef, undef, undef, $1 if $query =~ /s=([0-9.]+)/;
        return answer($connection, '503 Service Unavailable', '') if $path eq '/ready' && $asked <= ($ENV{NOT_READY} || 0);
        return answer($connection, '200 OK', join '', map { "$_=$ENV{$_}\n" } sort keys %ENV) if $path eq '/env';
        return answer($connection, '200 OK', $body) if $path eq '/echo';
        answer($connection, '200 OK', "served by $parent\n");
    }

    my $asked = 0;
    while (my $connection = $listener->accept) {
        $asked++;
        my $child = fork;
        if (!$child) {
            serve($connection, $asked);
            close $connection;
            exit 0;
        }
        close $connection;
    }
"""


def write_server(berth, name, files=None, **settings):
    """A function that is this server."""
    settings = {"image": BASE, "command": "perl /berth/code/server.pl", "base_function_file_name": None, **settings}
    berth.write_function(name, {"server.pl": SERVER, **(files or {})}, language="container", **settings)


# Answers everything with WORD.
ONE_WORD = r"""
    use IO::Socket::INET;
    my $listener = IO::Socket::INET->new(LocalPort => 8080, Listen => 128, ReuseAddr => 1) or die "cannot listen: $@";
    while (my $connection = $listener->accept) {
        while (<$connection>) { last if /^\r?$/ }
        print $connection "HTTP/1.0 200 OK\r\n\r\n$ENV{WORD}";
        close $connection;
    }
"""


def serve_image(berth, name, word, **settings):
    """A function without a folder, which answers with this word; as SERVER, once it has a folder with that in it."""
    own = "test ! -e /berth/code/server.pl || exec perl /berth/code/server.pl"
    configuration = {
        "programing_language": "container",
        "image": BASE,
        "command": f"sh -c '{own}; exec perl -e \"$PROGRAM\"'",
        "environment": {"PROGRAM": ONE_WORD, "WORD": word},
        "idle_timeout": 60,
        **settings,
    }
    berth.functions[name] = {"configuration": {key: value for key, value in configuration.items() if value is not None}}
    berth.write_config()
