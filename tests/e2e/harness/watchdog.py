"""Images as clients of the /system contract deploy them: a small server on port 8080 that runs a process for a request, or
answers itself. In Perl, which the base image has."""

import io
import os
import subprocess
import tarfile

# The manners of the classic watchdog: `fprocess` gets the body and its output is the answer, what the request was is in
# its environment, /_/health says that there is a lock. With `mode` http those of the one that serves in itself: it tells the
# request as JSON, and /_/ready is 429 while as many as `max_inflight` are under way.
WATCHDOG = r"""
use strict;
use IO::Socket::INET;
use IPC::Open2;

$| = 1;
open(my $lock, '>', '/tmp/.lock') or die "no lock: $!";
close $lock;
$SIG{TERM} = sub { exit 0 };
my $listener = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => 8080, Listen => 128, ReuseAddr => 1) or die $@;
print "listening\n";

my %children;

sub answer {
    my ($connection, $status, $body) = @_;
    my $fields = "Content-Type: text/plain\r\nContent-Length: " . length($body) . "\r\nConnection: close";
    print $connection "HTTP/1.1 $status\r\n$fields\r\n\r\n$body";
}

sub run_process {
    my ($body) = @_;
    my $pid = open2(my $out, my $in, 'sh', '-c', $ENV{fprocess});
    print $in $body;
    close $in;
    local $/;
    my $said = <$out>;
    waitpid $pid, 0;
    return ($? == 0, $said);
}

sub serve {
    my ($connection, $busy) = @_;
    my $head = '';
    while ($head !~ /\r\n\r\n/) {
        return if !sysread($connection, $head, 4096, length $head);
    }
    my ($line, $lines, $body) = $head =~ /^(.*?)\r\n(.*?)\r\n\r\n(.*)$/s;
    my ($length) = $lines =~ /^Content-Length: (\d+)/im;
    while (length $body < ($length || 0)) {
        return if !sysread($connection, $body, 65536, length $body);
    }
    my ($method, $path, $query) = $line =~ m{^(\S+) ([^ ?]*)\??(\S*)};
    my $is_served = -e '/tmp/.lock';
    return answer($connection, $is_served ? '200 OK' : '503 Service Unavailable', $is_served ? 'OK' : 'no lock')
        if $path eq '/_/health';
    return answer($connection, '429 Too Many Requests', '')
        if $path eq '/_/ready' && $ENV{max_inflight} && $busy >= $ENV{max_inflight};
    return answer($connection, '200 OK', 'OK') if $path eq '/_/ready';
    for my $header (split /\r\n/, $lines) {
        my ($name, $value) = $header =~ /^([^:]+):\s*(.*)$/;
        $name =~ tr/-/_/;
        $ENV{"Http_$name"} = $value;
    }
    @ENV{'Http_Method', 'Http_Path', 'Http_Query'} = ($method, $path, $query);
    if (($ENV{mode} || '') eq 'http') {
        select undef, undef, undef, $1 if $query =~ /s=([0-9.]+)/;
        return answer($connection, '200 OK', join('', map { "$_=$ENV{$_}\n" } sort keys %ENV) . "body=$body\n");
    }
    my ($ok, $said) = run_process($body);
    answer($connection, $ok ? '200 OK' : '500 Internal Server Error', $said);
}

while (1) {
    my $connection = $listener->accept or next;
    while ((my $gone = waitpid -1, 1) > 0) { delete $children{$gone} }
    my $child = fork;
    if (!$child) {
        serve($connection, scalar keys %children);
        close $connection;
        exit 0;
    }
    $children{$child} = 1;
    close $connection;
}
"""


def build(base_image, **environment):
    """An image of it that stands on the base image; its name, which has a tag and no registry."""
    name = f"berth-test/watchdog-{os.getpid()}:{'-'.join(environment.values()) or 'classic'}"
    lines = [f"FROM {base_image}", "COPY watchdog.pl /home/app/watchdog.pl", "ENV fprocess=cat"]
    lines += [f"ENV {key}={value}" for key, value in environment.items()]
    lines += ["USER 1234", 'CMD ["perl", "/home/app/watchdog.pl"]']
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for path, text in {"Dockerfile": "\n".join(lines) + "\n", "watchdog.pl": WATCHDOG}.items():
            info = tarfile.TarInfo(path)
            info.size = len(text.encode())
            info.mode = 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", name, "-"],
        input=context.getvalue(),
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
    )
    return name


def remove(name):
    subprocess.run(["docker", "image", "rm", "--force", name], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
